package eventlog

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	driver "github.com/go-sql-driver/mysql"
)

// Where an event was not appended nothing of its chain that waits behind it is, so that
// all of them can be appended elsewhere in their order.
func TestAChainBreaksWhereAnEventFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queued := make(chan struct{})
	var commits atomic.Int32
	l := w.log((&tap{commit: func(commit, rollback func() error) error {
		<-queued
		if commits.Add(1) > commitTries {
			return commit()
		}
		return errors.Join(rollback(), driver.ErrInvalidConn)
	}}).onWrites(w))

	chain, other := new(Chain), new(Chain)
	var all sync.WaitGroup
	errs := make(map[string]error)
	var mu sync.Mutex
	add := func(msgID string, c *Chain) {
		all.Add(1)
		l.AppendAll([]Draft{{Event: private("alice", "bob", msgID), Chain: c, Done: func(_ Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			errs[msgID] = err
			all.Done()
		}}})
	}
	add("fails", chain)
	until(t, "taking the first event", func() bool { return l.queue.length() == 0 })
	add("waits behind it", chain)
	add("of another chain", other)
	add("of none", nil)
	close(queued)
	all.Wait()
	if errs["fails"] == nil || !errors.Is(errs["waits behind it"], errBroken) || !chain.Broken() || other.Broken() {
		t.Errorf("the answers are %v, and the chains broken: %t, %t", errs, chain.Broken(), other.Broken())
	}
	same(t, "ids in the log", idsOf(w.stored()), []string{"of another chain", "of none"})

	other.Break()
	add("of a chain that was broken", other)
	add("a repeat", nil)
	all.Wait()
	if !errors.Is(errs["of a chain that was broken"], errBroken) || errs["a repeat"] != nil {
		t.Errorf("the answers are %v", errs)
	}
}
