package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"parley/pkg/sqldb"
)

func TestTransactKeepsEverythingOrNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		refused := errors.New("refused")
		err := db.Transact(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("UPDATE log_position SET pos = 9").Error; err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("the error is %v", err)
		}
		var pos int
		if err := db.Reader.Raw("SELECT pos FROM log_position").Scan(&pos).Error; err != nil || pos != 0 {
			t.Errorf("the position is %d, %v, after a transaction that failed", pos, err)
		}
	})
}

func TestTransactRunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	db := onServer(t)
	for g := range 2 {
		if err := db.Writer.Exec("INSERT INTO log_group (group_id, status, mute_all) VALUES (?, 0, 0)", g).Error; err != nil {
			t.Fatal(err)
		}
	}
	const lock = "UPDATE log_group SET closed_at = closed_at + 1 WHERE group_id = ?"
	var runs atomic.Int32
	var bothHoldOne sync.WaitGroup // only in the first run of each
	bothHoldOne.Add(2)
	results := make(chan error, 2)
	for mine := range 2 {
		first := true
		go func() {
			results <- db.Transact(context.Background(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := tx.Exec(lock, mine).Error; err != nil {
					return err
				}
				if first {
					first = false
					bothHoldOne.Done()
					bothHoldOne.Wait()
				}
				return tx.Exec(lock, 1-mine).Error
			})
		}()
	}
	for range 2 {
		if err := <-results; err != nil {
			t.Errorf("a transaction failed: %v", err)
		}
	}
	if n := runs.Load(); n != 3 {
		t.Errorf("the two transactions ran %d times, want 3: one of them twice", n)
	}
	var sum int
	if err := db.Reader.Raw("SELECT SUM(closed_at) FROM log_group").Scan(&sum).Error; err != nil || sum != 4 {
		t.Errorf("the transactions counted to %d, %v; want 4", sum, err)
	}
}

func TestTransactGivesUpOnATransactionThatAlwaysLoses(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		runs := 0
		lost := &mysql.MySQLError{Number: 1213}
		err := db.Transact(t.Context(), func(*gorm.DB) error {
			runs++
			return fmt.Errorf("somewhere: %w", lost)
		})
		if !errors.Is(err, lost) || runs != 5 {
			t.Errorf("ran %d times and then gave %v", runs, err)
		}
	})
}

func TestTransactEndsWithItsContext(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Transact(ctx, func(*gorm.DB) error {
			cancel()
			return &mysql.MySQLError{Number: 1205}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAWriterOfSQLiteWaitsOnlyAsLongAsItsContext(t *testing.T) {
	t.Parallel()
	cfg, file := engines["sqlite"](t)
	db, err := sqldb.Open(t.Context(), cfg, file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Transact(t.Context(), func(*gorm.DB) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return db.Transact(ctx, func(*gorm.DB) error { return nil })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second writer beside the first gave %v", err)
	}
}

func TestWritersTakeTurns(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		const writers, each = 8, 20
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for range each {
					err := db.Transact(context.Background(), func(tx *gorm.DB) error {
						return tx.Exec("UPDATE log_position SET pos = pos + 1").Error
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		var pos int
		if err := db.Reader.Raw("SELECT pos FROM log_position").Scan(&pos).Error; err != nil || pos != writers*each {
			t.Errorf("%d increments gave %d, %v", writers*each, pos, err)
		}
	})
}

func TestRetriableErrors(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]bool{1020: true, 1205: true, 1213: true, 8002: true, 8005: true, 8022: true, 8027: true, 8028: true, 9004: true, 9007: true, 1062: false, 1045: false} {
		err := fmt.Errorf("in a statement: %w", &mysql.MySQLError{Number: number})
		if got := sqldb.Retriable(err); got != want {
			t.Errorf("the error %d is retriable: %t", number, got)
		}
	}
	for message, want := range map[string]bool{"pessimistic lock retry limit reached": true, "anything else": false} {
		if got := sqldb.Retriable(&mysql.MySQLError{Number: 1105, Message: message}); got != want {
			t.Errorf("the error 1105, %s, is retriable: %t", message, got)
		}
	}
	if !sqldb.Retriable(fmt.Errorf("in a function: %w", sqldb.ErrLost)) {
		t.Error("a transaction that says that it lost is not run again")
	}
	if sqldb.Retriable(nil) || sqldb.IsDuplicate(nil) || sqldb.ConnLost(nil) {
		t.Error("no error is taken for one")
	}
}

func TestATransactionWhoseContextEndsSaysSo(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Transact(ctx, func(tx *gorm.DB) error {
			cancel()
			for {
				if err := tx.Exec("UPDATE log_position SET at = at").Error; err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
