package move

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"parley/pkg/sqldb"
)

// errDiffers says that a table is not the same in both databases.
var errDiffers = errors.New("the databases differ, although all was written: does somebody else use one of them?")

// copy makes the server's table the same as the embedded one, and returns how many
// rows it wrote. Both are read in the order of the key, side by side.
func (m *mover) copy(ctx context.Context, t *table) (written int64, err error) {
	from, to := newCursor(m.from, t), newCursor(m.to, t)
	meter, err := m.meter(ctx, t)
	if err != nil {
		return 0, err
	}
	var put, remove batch
	flush := func() error {
		if len(put.rows)+len(remove.rows) == 0 {
			return nil
		}
		err := m.during(ctx, func(tx gorm.ConnPool) error {
			if err := remove.delete(ctx, tx, t); err != nil {
				return err
			}
			return put.replace(ctx, tx, t)
		})
		written += int64(len(put.rows))
		put, remove = batch{}, batch{}
		return err
	}
	for {
		here, err := from.peek(ctx)
		if err != nil {
			return 0, err
		}
		there, err := to.peek(ctx)
		if err != nil {
			return 0, err
		}
		order := 0
		switch {
		case here == nil && there == nil:
			if err := flush(); err != nil {
				return 0, err
			}
			meter.end()
			return written, nil
		case here == nil:
			order = 1
		case there == nil:
			order = -1
		default:
			order = t.compare(here, there)
		}
		switch {
		case order > 0:
			remove.add(there)
			to.skip()
		case order < 0:
			put.add(here)
			from.skip()
		default:
			if !t.equal(here, there) {
				put.add(here)
			}
			from.skip()
			to.skip()
		}
		if order <= 0 {
			meter.add()
		}
		if put.full() || remove.full() {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
}

// batch is rows for one statement.
type batch struct {
	rows  []row
	bytes int
}

func (b *batch) add(r row) {
	b.rows = append(b.rows, r)
	b.bytes += size(r)
}

func (b *batch) full() bool { return len(b.rows) >= pageRows || b.bytes >= pageBytes }

// replace writes the rows. A row of an earlier run that has the same unique value
// under another key gives way: it is behind this one, or differs, and is dealt with
// when its key's turn comes.
func (b *batch) replace(ctx context.Context, tx gorm.ConnPool, t *table) error {
	if len(b.rows) == 0 {
		return nil
	}
	one := "(" + marks(len(t.columns)) + ")"
	query := "REPLACE INTO " + quote(t.name) + " (" + t.list() + ") VALUES " + one + strings.Repeat(","+one, len(b.rows)-1)
	args := make([]any, 0, len(b.rows)*len(t.columns))
	for _, r := range b.rows {
		args = append(args, r...)
	}
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// delete removes rows that the embedded database does not have, or has no more.
func (b *batch) delete(ctx context.Context, tx gorm.ConnPool, t *table) error {
	if len(b.rows) == 0 {
		return nil
	}
	var args []any
	for _, r := range b.rows {
		for _, c := range t.key {
			args = append(args, r[c])
		}
	}
	one := "(" + marks(len(t.key)) + ")"
	query := "DELETE FROM " + quote(t.name) + " WHERE (" + t.keyList() + ") IN (" + one + strings.Repeat(","+one, len(b.rows)-1) + ")"
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("remove rows: %w", err)
	}
	return nil
}

// verify reads a table once more in both databases and returns how many rows it has
// and their sum, if these are the same.
func (m *mover) verify(ctx context.Context, t *table) (rows int64, sum [32]byte, err error) {
	type count struct {
		rows int64
		sum  [32]byte
	}
	var here, there count
	both, ctx := errgroup.WithContext(ctx)
	for _, side := range []struct {
		db   *sqldb.DB
		into *count
	}{{m.from, &here}, {m.to, &there}} {
		both.Go(func() (err error) {
			side.into.rows, side.into.sum, err = sumOf(ctx, side.db, t)
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return 0, sum, err
	}
	if here != there {
		return 0, sum, fmt.Errorf("%w (%d rows in the embedded database with the sum %x, %d on the server with %x)",
			errDiffers, here.rows, here.sum[:8], there.rows, there.sum[:8])
	}
	return here.rows, here.sum, nil
}

// sumOf counts the rows of a table and sums them in the order of the key.
func sumOf(ctx context.Context, db *sqldb.DB, t *table) (rows int64, sum [32]byte, err error) {
	h := sha256.New()
	c := newCursor(db, t)
	for {
		r, err := c.peek(ctx)
		if err != nil {
			return 0, sum, err
		}
		if r == nil {
			h.Sum(sum[:0])
			return rows, sum, nil
		}
		c.skip()
		rows++
		sumRow(h, r)
	}
}

// sumRow writes a row so that no other row writes the same.
func sumRow(h hash.Hash, r row) {
	var head [9]byte
	for _, v := range r {
		switch v := v.(type) {
		case nil:
			h.Write([]byte{0})
		case int64:
			head[0] = 1
			binary.BigEndian.PutUint64(head[1:], uint64(v))
			h.Write(head[:])
		case []byte:
			head[0] = 2
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			h.Write(head[:])
			h.Write(v)
		}
	}
}

// tellEvery is how often Progress is called, besides the end of each table.
const tellEvery = 2 * time.Second

// meter tells how far a table is.
type meter struct {
	tell      Progress
	table     string
	done, all int64
	told      time.Time
}

func (m *mover) meter(ctx context.Context, t *table) (*meter, error) {
	r := &meter{tell: m.progress, table: t.name, told: time.Now()}
	if err := m.from.ReaderSQL().QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(t.name)).Scan(&r.all); err != nil {
		return nil, fmt.Errorf("count the rows: %w", err)
	}
	return r, nil
}

func (r *meter) add() {
	r.done++
	if r.done%pageRows == 0 && time.Since(r.told) > tellEvery {
		r.told = time.Now()
		r.tell(r.table, r.done, r.all)
	}
}

func (r *meter) end() { r.tell(r.table, r.done, r.all) }
