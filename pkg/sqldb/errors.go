package sqldb

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/glebarez/go-sqlite"
	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrLost says, in an error of a transaction's own, that another one took away what
// this one needs, so that all of it has to be run again.
var ErrLost = errors.New("another transaction was faster")

// Retriable reports whether err says that a transaction lost against another
// one and left nothing behind, so that running all of it again may succeed.
func Retriable(err error) bool {
	if errors.Is(err, ErrLost) {
		return true
	}
	if n, ok := serverError(err); ok {
		switch n {
		case 1020, // MariaDB: the record has changed since it was read
			1205, // the wait for a lock took too long
			1213, // deadlock
			8002, // TiDB: the read for update is out of date
			8005, // TiDB: write conflict on one node
			8022, // TiDB: the commit failed and may be tried again
			8027, // TiDB: the node does not know the newest schema
			8028, // TiDB: the schema changed during the transaction, as when an upgrade migrates
			9004, // TiDB: the locks of another transaction could not be resolved in time
			9007: // TiDB: write conflict
			return true
		}
		return n == 1105 && strings.Contains(err.Error(), gaveUpLocking)
	}
	code, ok := sqliteError(err)
	return ok && code&0xff == sqlite3.SQLITE_BUSY
}

// gaveUpLocking is what TiDB says, with a number that stands for any error, when
// a statement met others at the same row so often that TiDB does not repeat it
// any more.
const gaveUpLocking = "pessimistic lock retry limit reached"

// IsDuplicate reports whether err says that a row with the same unique key is
// there already. Only the statement is undone then; its transaction lives on.
func IsDuplicate(err error) bool {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return true
	}
	if n, ok := serverError(err); ok {
		return n == 1062
	}
	code, ok := sqliteError(err)
	return ok && (code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// ConnLost reports whether err says that the connection to the server broke or
// was never made. What was sent before may have been done; a transaction was
// not, unless its COMMIT was on the way. (Where a TiDB does not know how a commit
// ended, it ends the connection.)
func ConnLost(err error) bool {
	if n, ok := serverError(err); ok {
		switch n {
		case 1053, // the server is shutting down
			1927, // MariaDB: the connection was killed
			3169, // MySQL: the session was killed
			4031: // MySQL: the session was idle for too long
			return true
		}
		return false
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var network net.Error
	return errors.As(err, &network)
}

func serverError(err error) (uint16, bool) {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number, true
	}
	return 0, false
}

func sqliteError(err error) (int, bool) {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code(), true
	}
	return 0, false
}
