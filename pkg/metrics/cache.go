package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Cache keeps what was made for a key, such as the histogram of one combination of
// labels, so that finding it again costs one look into a map, no lock and no
// allocation. It is for keys of which there are few; none is ever removed. The zero
// Cache is empty.
type Cache[K comparable, V any] struct {
	known atomic.Pointer[map[K]V]
	mu    sync.Mutex
}

// Get returns what make returned for the key when it was asked first.
func (c *Cache[K, V]) Get(key K, make func(K) V) V {
	if known := c.known.Load(); known != nil {
		if v, ok := (*known)[key]; ok {
			return v
		}
	}
	return c.add(key, make)
}

func (c *Cache[K, V]) add(key K, make func(K) V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[K]V{}
	if known := c.known.Load(); known != nil {
		if v, ok := (*known)[key]; ok {
			return v // somebody was quicker
		}
		next = maps.Clone(*known)
	}
	v := make(key)
	next[key] = v
	c.known.Store(&next)
	return v
}
