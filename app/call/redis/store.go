// Package redis keeps the sessions of calls in Redis.
//
// A session is one value, and so is the list of the calls of a user. An Update
// reads such values, and stores what it changed with one script, which does nothing
// when any of them is not what was read. So a transition is one atomic step,
// whatever it touches, and the rules stay out of here. All keys have one hash tag,
// because a script on a cluster works on the keys of one slot: all calls are on one
// node.
//
// Every key expires by itself. An index that names what is gone is harmless.
package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/app/call"
	"parley/pkg/id"
)

const (
	prefix    = "parley:{call}:"
	deadlines = prefix + "deadlines" // calls that ring, by deadline
	owing     = prefix + "owing"     // calls that owe, by the time since when
	tickets   = prefix + "tickets"   // names of signals, by the end of their tickets

	// page is how many overdue calls are returned at once.
	page = 100
	// maxTries bounds how often an Update starts over.
	maxTries = 100
)

func sessionKey(i call.ID) string { return prefix + "session:" + i.String() }
func userKey(u id.UID) string     { return prefix + "user:" + string(u) }
func roomKey(room int32) string   { return prefix + "room:" + strconv.Itoa(int(room)) }

// Store is a call.Store.
type Store struct {
	redis redis.UniversalClient
	keep  time.Duration
}

var _ call.Store = (*Store)(nil)

// New returns the calls in a Redis. A session is kept for keep after its deadline,
// its last acceptance and its end; its room as long, and until its tickets end.
func New(client redis.UniversalClient, keep time.Duration) *Store {
	return &Store{redis: client, keep: keep}
}

// ErrConflict is the answer when too many others change the same calls.
var ErrConflict = errors.New("too many changes of the same calls at once")

// Update implements call.Store.
func (s *Store) Update(ctx context.Context, now time.Time, fn func(call.Tx) error) error {
	for range maxTries {
		t := &tx{store: s, ctx: ctx, now: now, seen: make(map[string]string), sessions: make(map[call.ID]*call.Session)}
		if err := fn(t); err != nil {
			return err
		}
		done, err := t.commit()
		if err != nil {
			return fmt.Errorf("store a call: %w", err)
		}
		if done {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return ErrConflict
}

// commitScript stores values if others are what they were. KEYS are all keys.
// ARGV is the number of keys to compare and their values, empty where there was
// none; then operations of four: what to do, the number of the key, and what with.
// Where the first value that is to be set is there already, which nobody else can
// have set, an answer was lost.
var commitScript = redis.NewScript(`
local n = tonumber(ARGV[1])
local same = true
for i = 1, n do
  if (redis.call('GET', KEYS[i]) or '') ~= ARGV[i + 1] then same = false end
end
if not same then
  local first = n + 2
  if ARGV[first] == 'set' and redis.call('GET', KEYS[tonumber(ARGV[first + 1])]) == ARGV[first + 2] then return 1 end
  return 0
end
for a = n + 2, #ARGV, 4 do
  local op, key = ARGV[a], KEYS[tonumber(ARGV[a + 1])]
  if op == 'set' then redis.call('SET', key, ARGV[a + 2], 'PX', ARGV[a + 3])
  elseif op == 'del' then redis.call('DEL', key)
  elseif op == 'add' then redis.call('ZADD', key, ARGV[a + 2], ARGV[a + 3])
  elseif op == 'since' then redis.call('ZADD', key, 'NX', ARGV[a + 2], ARGV[a + 3])
  else redis.call('ZREM', key, ARGV[a + 3]) end
end
return 1`)

// tx is a call.Tx: what was read, and what is to be written.
type tx struct {
	store *Store
	ctx   context.Context
	now   time.Time

	seen     map[string]string // values by key, empty where there is none
	sessions map[call.ID]*call.Session
	put      []*call.Session
	notes    []note
}

// note is a ticket in the log.
type note struct {
	name string
	end  time.Time
}

var _ call.Tx = (*tx)(nil)

// read reads values that were not read yet, with one command.
func (t *tx) read(keys ...string) error {
	var unknown []string
	for _, key := range keys {
		if _, known := t.seen[key]; !known {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	values, err := t.store.redis.MGet(t.ctx, unknown...).Result()
	if err != nil {
		return fmt.Errorf("read calls: %w", err)
	}
	for i, key := range unknown {
		t.seen[key], _ = values[i].(string)
	}
	return nil
}

// Session implements call.Tx.
func (t *tx) Session(i call.ID) (*call.Session, error) {
	if c, known := t.sessions[i]; known {
		return c, nil
	}
	key := sessionKey(i)
	if err := t.read(key); err != nil {
		return nil, err
	}
	var c *call.Session
	if value := untagged(t.seen[key]); value != "" {
		c = new(call.Session)
		if err := json.Unmarshal([]byte(value), c); err != nil {
			return nil, fmt.Errorf("read call %s: %w", i, err)
		}
	}
	t.sessions[i] = c
	return c, nil
}

// Of implements call.Tx.
func (t *tx) Of(u id.UID) ([]*call.Session, error) {
	if err := t.read(userKey(u)); err != nil {
		return nil, err
	}
	ids := parse(t.seen[userKey(u)])
	keys := make([]string, len(ids))
	for n, i := range ids {
		keys[n] = sessionKey(i)
	}
	if err := t.read(keys...); err != nil {
		return nil, err
	}
	var list []*call.Session
	for _, i := range ids {
		c, err := t.Session(i)
		if err != nil {
			return nil, err
		}
		if c != nil && c.Concerns(u) {
			list = append(list, c)
		}
	}
	return list, nil
}

// Reserve implements call.Tx.
func (t *tx) Reserve(room int32, i call.ID) (bool, error) {
	if err := t.read(roomKey(room)); err != nil {
		return false, err
	}
	return t.seen[roomKey(room)] == "", nil
}

// Put implements call.Tx.
func (t *tx) Put(c *call.Session) {
	for _, known := range t.put {
		if known == c {
			return
		}
	}
	t.put = append(t.put, c)
	t.sessions[c.ID] = c
}

// Note implements call.Tx.
func (t *tx) Note(name string, end time.Time) { t.notes = append(t.notes, note{name, end}) }

// The list of a user's calls is numbers with spaces between them.
func parse(list string) []call.ID {
	var ids []call.ID
	for word := range strings.FieldsSeq(list) {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			ids = append(ids, call.ID(n))
		}
	}
	return ids
}

// Overdue implements call.Store.
func (s *Store) Overdue(ctx context.Context, now time.Time) ([]call.ID, error) {
	return s.through(ctx, deadlines, now)
}

// Owing implements call.Store.
func (s *Store) Owing(ctx context.Context, before time.Time) ([]call.ID, error) {
	return s.through(ctx, owing, before)
}

// through returns the calls of an index up to a time, and takes those out that are
// not there any more.
func (s *Store) through(ctx context.Context, index string, to time.Time) ([]call.ID, error) {
	members, err := s.members(ctx, index, to)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	ids := parse(strings.Join(members, " "))
	keys := make([]string, len(ids))
	for n, i := range ids {
		keys[n] = sessionKey(i)
	}
	values, err := s.redis.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	var there []call.ID
	for n, i := range ids {
		if values[n] != nil {
			there = append(there, i)
		} else if err := s.redis.ZRem(ctx, index, i.String()).Err(); err != nil {
			return nil, err
		}
	}
	return there, nil
}

func (s *Store) members(ctx context.Context, key string, to time.Time) ([]string, error) {
	return s.redis.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(to.UnixMilli(), 10), Count: page}).Result()
}

// Expired implements call.Store.
func (s *Store) Expired(ctx context.Context, now time.Time) ([]string, error) {
	return s.members(ctx, tickets, now)
}

// Forget implements call.Store.
func (s *Store) Forget(ctx context.Context, names []string) error {
	members := make([]any, len(names))
	for i, name := range names {
		members[i] = name
	}
	return s.redis.ZRem(ctx, tickets, members...).Err()
}
