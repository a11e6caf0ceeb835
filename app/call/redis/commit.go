package redis

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"parley/app/call"
)

// commit stores what was put, and reports false when something that was read has
// changed.
func (t *tx) commit() (bool, error) {
	w, err := t.writes()
	if err != nil || len(w.ops) == 0 {
		return true, err
	}
	args := make([]any, 0, 1+len(w.expected)+len(w.ops))
	args = append(args, len(w.expected))
	args = append(args, w.expected...)
	done, err := commitScript.Run(t.ctx, t.store.redis, w.keys, append(args, w.ops...)...).Int()
	return done == 1, err
}

// writes are the arguments of commitScript.
type writes struct {
	keys     []string
	expected []any
	ops      []any
	index    map[string]int
}

// key returns the number of a key, beginning with 1 as scripts do.
func (w *writes) key(name string) int {
	if w.index[name] == 0 {
		w.keys = append(w.keys, name)
		w.index[name] = len(w.keys)
	}
	return w.index[name]
}

func (w *writes) op(what, key string, a, b any) { w.ops = append(w.ops, what, w.key(key), a, b) }

func (t *tx) writes() (*writes, error) {
	// Who is in a call that changes is in its list, or not any more.
	var lists []string
	for _, c := range t.put {
		for _, p := range c.Parties {
			lists = append(lists, userKey(p.User))
		}
	}
	if err := t.read(lists...); err != nil {
		return nil, err
	}
	w := &writes{index: make(map[string]int)}
	for _, key := range slices.Sorted(maps.Keys(t.seen)) {
		w.key(key)
		w.expected = append(w.expected, t.seen[key])
	}
	users := make(map[string]string)
	changed := false
	tag := rand.Text()[:tagSize]
	for n, c := range t.put {
		value, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		for _, p := range c.Parties {
			key := userKey(p.User)
			list, known := users[key]
			if !known {
				list = t.present(t.seen[key])
			}
			users[key] = with(list, c.ID, c.Concerns(p.User))
		}
		t.index(w, n, c)
		if string(value) == untagged(t.seen[sessionKey(c.ID)]) {
			continue
		}
		changed = true
		life := t.life(c)
		// The session comes first: commitScript looks for it.
		w.ops = append([]any{"set", w.key(sessionKey(c.ID)), tag + string(value), life}, w.ops...)
		w.op("set", roomKey(c.Room), c.ID.String(), max(life, c.Until-t.now.UnixMilli()))
	}
	for key, list := range users {
		if list == t.seen[key] && !changed {
			continue
		}
		if list == "" {
			w.op("del", key, "", "")
			continue
		}
		w.op("set", key, list, (2 * t.store.keep).Milliseconds())
	}
	for _, n := range t.notes {
		w.op("add", tickets, n.end.UnixMilli(), n.name)
	}
	return w, nil
}

// tagSize is the length of what comes before a session in its value. It is another
// one each time: two who make the same change at the same moment must not take
// the other's for their own.
const tagSize = 16

// untagged is a session in its value, if any.
func untagged(value string) string { return value[min(tagSize, len(value)):] }

// index says when a call is overdue. The nth of a transition owes a little later
// than the one before it.
func (t *tx) index(w *writes, n int, c *call.Session) {
	if c.Rings(0) { // deadline or not
		w.op("add", deadlines, c.Deadline, c.ID.String())
	} else {
		w.op("remove", deadlines, "", c.ID.String())
	}
	if len(c.Owed) > 0 {
		since := strconv.FormatFloat(float64(t.now.UnixMilli())+float64(n)/100, 'f', 2, 64)
		w.op("since", owing, since, c.ID.String())
	} else {
		w.op("remove", owing, "", c.ID.String())
	}
}

// life is how long a session is kept from now on, in milliseconds.
func (t *tx) life(c *call.Session) int64 {
	last := time.UnixMilli(max(c.Deadline, c.Renewed, c.Ended))
	return max(time.Minute, last.Add(t.store.keep).Sub(t.now)).Milliseconds()
}

// present returns a list without the calls that turned out to be gone.
func (t *tx) present(list string) string {
	for _, i := range parse(list) {
		if c, known := t.sessions[i]; known && c == nil {
			list = with(list, i, false)
		}
	}
	return list
}

// with returns a list with a call in it, or without.
func with(list string, i call.ID, in bool) string {
	ids := parse(list)
	switch known := slices.Contains(ids, i); {
	case known == in:
		return list
	case in:
		ids = append(ids, i)
	default:
		ids = slices.DeleteFunc(ids, func(known call.ID) bool { return known == i })
	}
	var b []byte
	for n, known := range ids {
		if n > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(known), 10)
	}
	return string(b)
}
