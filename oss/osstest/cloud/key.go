package cloud

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Action is something that a key may be allowed.
type Action string

// The actions of objects. A vendor's policy has its own names of them.
const (
	Write  Action = "write" // objects and their parts
	Abort  Action = "abort" // uploads in parts
	Read   Action = "read"
	Delete Action = "delete"
	List   Action = "list"
)

// Key is an access key.
type Key struct {
	ID     string
	Secret string
	// Token belongs to the key where it is a temporary one.
	Token   string
	Expires time.Time // zero: never
	// Grant limits what the key may do. Nil: all.
	Grant *Grant
}

// Grant is what a policy allows.
type Grant struct {
	Actions []Action
	Prefix  string // of the keys of objects
}

func (k *Key) may(a Action, object string) bool {
	return k.Grant == nil || slices.Contains(k.Grant.Actions, a) && strings.HasPrefix(object, k.Grant.Prefix)
}

// Keyring has the keys of a cloud. Its zero value is empty.
type Keyring struct {
	mu   sync.Mutex
	keys map[string]Key
}

// Add adds a key.
func (k *Keyring) Add(key Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]Key{}
	}
	k.keys[key.ID] = key
}

// Find returns the key of an id.
func (k *Keyring) Find(id string) (Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[id]
	return key, ok
}

// Issue adds a temporary key that lives for a while and returns it.
func (k *Keyring) Issue(idPrefix string, life time.Duration, g Grant) Key {
	key := Key{
		ID: idPrefix + random(8), Secret: random(20), Token: random(64),
		Expires: time.Now().Add(life).Truncate(time.Second), Grant: &g,
	}
	k.Add(key)
	return key
}
