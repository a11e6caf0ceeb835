package call

import (
	"slices"

	"parley/pkg/id"
)

// transition is one step of one or more calls.
type transition struct {
	tx  Tx
	now int64
	// touched are the calls in the order in which what they owe is to be paid.
	touched []*Session
}

func (t *transition) put(c *Session) {
	t.tx.Put(c)
	if !slices.Contains(t.touched, c) {
		t.touched = append(t.touched, c)
	}
}

// leave has u leave calls, as if he had refused them.
func (t *transition) leave(u id.UID, calls []*Session) error {
	for _, c := range calls {
		if err := c.Refuse(u, "", t.now); err != nil {
			return err
		}
		t.put(c)
	}
	return nil
}

// callsOf returns the calls that are not over for u.
func (t *transition) callsOf(u id.UID) ([]*Session, error) {
	calls, err := t.tx.Of(u)
	return slices.DeleteFunc(calls, func(c *Session) bool { return !c.Has(u) }), err
}

// order notes what comes before the signals that this transition owes: those of the
// calls that were left in it, and whatever else those who get them are owed by
// other calls. A client drops its call on any Stop, so it would drop the next one
// if it heard of the end of the one before too late. Whoever pays one call first
// pays what stands before, so the order does not depend on who pays when.
func (t *transition) order() error {
	for n, c := range t.touched {
		var before []Debt
		for _, left := range t.touched[:n] {
			if len(left.Owed) > 0 {
				before = append(before, Debt{Call: left.ID, Number: left.Count})
			}
		}
		for i := range c.Owed {
			owed := &c.Owed[i]
			if !owed.fresh {
				continue
			}
			// Once is enough: the rest of c comes after its first.
			owed.After, before = before, nil
			others, err := t.tx.Of(owed.To)
			if err != nil {
				return err
			}
			for _, other := range others {
				if number := other.owedBefore(owed.To); other != c && number > 0 {
					owed.After = append(owed.After, Debt{Call: other.ID, Number: number})
				}
			}
		}
	}
	return nil
}

// owedBefore is the number of what a call has owed u last, before this transition,
// or 0.
func (s *Session) owedBefore(u id.UID) int {
	number := 0
	for _, owed := range s.Owed {
		if owed.To == u && !owed.fresh {
			number = owed.Number
		}
	}
	return number
}
