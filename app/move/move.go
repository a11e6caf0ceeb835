// Package move brings what an embedded database holds into that of a server: every
// row of every table, with its ids, positions, times and bytes, and the epoch of the
// log, so that clients go on where they are.
//
// It may be killed between any two lines and run again. A run compares the two
// databases, table by table in the order of the primary keys, and writes what
// differs, so there is no progress to remember, and what changed in the embedded
// database between two runs is brought over too.
//
// While that goes on the server's database has no position, so no process of any
// version can append or read there, and a note in the table installation, which
// keeps processes from starting and has those that run end. The last transaction puts the position in its
// place and removes the note.
package move

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"parley/pkg/sqldb"
)

// NoticedWithin is how often a process looks whether an import into its database has
// begun, and ends then. The import waits for that, a few times as long.
const NoticedWithin = time.Second

const settle = 3 * NoticedWithin

// ErrDone says that the server has the data of this installation already.
var ErrDone = errors.New("the data of this installation were brought into the database before")

// ErrNotEmpty says that the server's database is in use.
var ErrNotEmpty = errors.New("the database is not empty")

// ErrOther says that another import into the database has begun, or this one was
// ended by another run.
var ErrOther = errors.New("the database takes another import")

// Table is what was brought of a table.
type Table struct {
	Name string
	Rows int64
	// Written is how many of the rows this run had to write.
	Written int64
	// Sum is the SHA-256 of all rows in both databases.
	Sum [32]byte
}

// Progress is called now and then with a table, how many of its rows are done and
// how many there are.
type Progress func(table string, done, all int64)

// position is the row of log_position.
type position struct{ pos, at, ticket, epoch int64 }

type mover struct {
	from, to *sqldb.DB
	tables   []*table
	position position
	progress Progress
}

// Run brings the data of the embedded database from into that of the server to.
// Both have a schema of the same version, nobody else uses from, and to holds
// nothing but its schema or what an earlier run with the same from left. Without
// an error all tables were compared after they were copied. Otherwise the import
// has not ended, but for ErrDone, ErrNotEmpty and ErrOther, with which nothing was
// done.
func Run(ctx context.Context, from, to *sqldb.DB, progress Progress) ([]Table, error) {
	m := &mover{from: from, to: to, progress: progress}
	var err error
	if m.tables, err = tables(ctx, from.ReaderSQL()); err != nil {
		return nil, err
	}
	if m.position, err = readPosition(ctx, from.ReaderSQL(), ""); err != nil {
		return nil, fmt.Errorf("read the position of the embedded log: %w", err)
	}
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	// Also in a run that goes on: the one before may have been killed while it waited.
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	report := make([]Table, len(m.tables))
	for i, t := range m.tables {
		report[i].Name = t.name
		if report[i].Written, err = m.copy(ctx, t); err != nil {
			return nil, fmt.Errorf("bring over the table %s: %w", t.name, err)
		}
	}
	for i, t := range m.tables {
		if report[i].Rows, report[i].Sum, err = m.verify(ctx, t); err != nil {
			return nil, fmt.Errorf("verify the table %s: %w", t.name, err)
		}
	}
	if err := m.continueNumbers(ctx); err != nil {
		return nil, fmt.Errorf("let the server's numbers go on behind the embedded ones: %w", err)
	}
	if err := m.finish(ctx); err != nil {
		return nil, fmt.Errorf("end the import: %w", err)
	}
	return report, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readPosition(ctx context.Context, q querier, lock string) (p position, err error) {
	err = q.QueryRowContext(ctx, "SELECT pos, at, ticket, epoch FROM log_position WHERE id = 1"+lock).Scan(&p.pos, &p.at, &p.ticket, &p.epoch)
	return p, err
}

// begin notes the import in the database and takes the position away. The note may be
// there from an earlier run.
func (m *mover) begin(ctx context.Context) error {
	return m.transact(ctx, func(tx gorm.ConnPool) error {
		importing, err := note(ctx, tx)
		switch {
		case err != nil:
			return err
		case importing.Valid && importing.Int64 == m.position.epoch:
			return nil
		case importing.Valid:
			return fmt.Errorf("%w: one of another installation, or of this one before parley log advance; empty the database to begin anew", ErrOther)
		}
		there, err := readPosition(ctx, tx, " FOR UPDATE")
		if err != nil {
			return fmt.Errorf("read the position of the log: %w", err)
		}
		if there.epoch == m.position.epoch {
			return ErrDone
		}
		if there.pos != 0 {
			return fmt.Errorf("%w: its log is at %d", ErrNotEmpty, there.pos)
		}
		for _, t := range m.tables {
			var one int
			err := tx.QueryRowContext(ctx, "SELECT 1 FROM "+quote(t.name)+" LIMIT 1").Scan(&one)
			if err == nil {
				return fmt.Errorf("%w: the table %s has rows", ErrNotEmpty, t.name)
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("ask whether the table %s is empty: %w", t.name, err)
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM log_position WHERE id = 1"); err != nil {
			return fmt.Errorf("take the position away: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE installation SET importing = ? WHERE id = 1", m.position.epoch); err != nil {
			return fmt.Errorf("note that an import has begun: %w", err)
		}
		return nil
	})
}

// note reads, and locks for the transaction, which import goes on.
func note(ctx context.Context, tx querier) (importing sql.NullInt64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT importing FROM installation WHERE id = 1 FOR UPDATE").Scan(&importing)
	if err != nil {
		err = fmt.Errorf("ask which import goes on: %w", err)
	}
	return importing, err
}

// transact runs fn in a transaction on the server.
func (m *mover) transact(ctx context.Context, fn func(gorm.ConnPool) error) error {
	return m.to.Transact(ctx, func(tx *gorm.DB) error { return fn(tx.Statement.ConnPool) })
}

// during is transact for what belongs to the import that was begun. The lock of
// the note makes two runs with copies of one folder wait for each other, and the
// slower one finds that it is over before it writes among what came since.
func (m *mover) during(ctx context.Context, fn func(gorm.ConnPool) error) error {
	return m.transact(ctx, func(tx gorm.ConnPool) error {
		importing, err := note(ctx, tx)
		if err != nil {
			return err
		}
		if !importing.Valid || importing.Int64 != m.position.epoch {
			return fmt.Errorf("%w: somebody else has ended this one", ErrOther)
		}
		return fn(tx)
	})
}

// finish makes the database a complete one.
func (m *mover) finish(ctx context.Context) error {
	return m.during(ctx, func(tx gorm.ConnPool) error {
		p := m.position
		if _, err := tx.ExecContext(ctx, "INSERT INTO log_position (id, pos, at, ticket, epoch) VALUES (1, ?, ?, ?, ?)", p.pos, p.at, p.ticket, p.epoch); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE installation SET importing = NULL WHERE id = 1")
		return err
	})
}

// continueNumbers lets the numbers that the server gives by itself begin behind
// all that the embedded database ever gave, also to rows that are gone.
func (m *mover) continueNumbers(ctx context.Context) error {
	rows, err := m.from.ReaderSQL().QueryContext(ctx, "SELECT name, seq FROM sqlite_sequence")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of string
		var last int64
		if err := rows.Scan(&of, &last); err != nil {
			return err
		}
		for _, t := range m.tables {
			if t.name != of {
				continue
			}
			if _, err := m.to.WriterSQL().ExecContext(ctx, fmt.Sprintf("ALTER TABLE %s AUTO_INCREMENT = %d", quote(of), last+1)); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}
