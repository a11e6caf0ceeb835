package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"parley/pkg/id"
)

// digest is SHA-256 of a token. The memory is keyed by it, so that a dump of
// the process has no token in it that still works.
type digest [sha256.Size]byte

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// verified is what is remembered of a good token.
type verified struct {
	uid      id.UID
	signedAt time.Time
}

// shards is how many locks the memory is spread over; a power of two.
const shards = 32

// memory keeps good tokens, first in first out. That is close to the order in
// which they expire, since clients sign a token when they begin to use it, and
// it makes a hit a mere read: many cores share the lock of a shard.
type memory struct{ shards [shards]shard }

type shard struct {
	mu     sync.RWMutex
	tokens map[digest]verified
	queue  []digest // a ring: oldest at head, len(tokens) in use
	head   int
}

// newMemory returns a memory for about size tokens, at least one a shard.
func newMemory(size int) *memory {
	m := &memory{}
	for i := range m.shards {
		m.shards[i].tokens = make(map[digest]verified)
		m.shards[i].queue = make([]digest, max(1, size/shards))
	}
	return m
}

func (m *memory) shard(d digest) *shard { return &m.shards[d[0]%shards] }

// find returns what is known of a token.
func (m *memory) find(d digest) (verified, bool) {
	s := m.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.tokens[d]
	return v, ok
}

// add remembers a token. It forgets the oldest ones that were signed before
// dead, so that an idle process does not keep what nobody can use any more,
// and one more when the shard is full.
func (m *memory) add(d digest, v verified, dead time.Time) {
	s := m.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[d]; ok {
		return // two requests with a new token came at the same moment
	}
	for len(s.tokens) > 0 && s.tokens[s.queue[s.head]].signedAt.Before(dead) {
		s.forgetOldest()
	}
	if len(s.tokens) == len(s.queue) {
		s.forgetOldest()
	}
	s.queue[(s.head+len(s.tokens))%len(s.queue)] = d
	s.tokens[d] = v
}

func (s *shard) forgetOldest() {
	delete(s.tokens, s.queue[s.head])
	s.head = (s.head + 1) % len(s.queue)
}

// len counts the tokens.
func (m *memory) len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.RLock()
		n += len(s.tokens)
		s.mu.RUnlock()
	}
	return n
}
