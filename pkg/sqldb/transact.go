package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

const (
	transactTries = 5
	firstBackoff  = 4 * time.Millisecond
)

// Transact runs fn in a transaction of the writer pool and commits when fn
// returns nil. When the transaction loses against another one (see Retriable),
// everything is run again, a few times with short random pauses: fn must have
// no effect outside its transaction. It sees what others committed before each
// of its statements (READ COMMITTED).
//
// An error for which ConnLost holds, or the end of ctx, may have come after the
// server got the COMMIT: then nobody knows whether the transaction happened.
func (db *DB) Transact(ctx context.Context, fn func(tx *gorm.DB) error) error {
	backoff := firstBackoff
	for try := 1; ; try++ {
		err := db.Writer.WithContext(ctx).Transaction(fn)
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			return fmt.Errorf("transaction given up: %w", ctx.Err()) // database/sql rolled it back
		}
		if err == nil || !Retriable(err) {
			return err
		}
		if try == transactTries {
			return fmt.Errorf("transaction lost %d times: %w", try, err)
		}
		if e := pause(ctx, backoff); e != nil {
			return fmt.Errorf("%w, after a transaction lost: %w", e, err)
		}
		backoff *= 2
	}
}

// pause waits for about d, at random so that those who met do not meet again, or
// until ctx ends, and then returns the reason.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d/2 + rand.N(d)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
