package main

import (
	"fmt"
	"time"

	"parley/pkg/auth"
	"parley/pkg/id"
)

// user is somebody with a key, and the token that his app has at the moment.
type user struct {
	key    auth.Key
	uid    id.UID
	signed time.Time
	text   string
}

// tokenAge is how long a token is used, as one of the real clients does. The
// server takes it for twice as long.
const tokenAge = time.Minute

func newUsers(n int) ([]*user, error) {
	users := make([]*user, n)
	for i := range users {
		key, err := auth.NewKey()
		if err != nil {
			return nil, fmt.Errorf("make a user: %w", err)
		}
		users[i] = &user{key: key, uid: key.UID()}
	}
	return users, nil
}

// token returns a token that is good for the next measurement. A new one is
// first seen by the server while that warms up, and known from then on.
func (u *user) token() string {
	if now := time.Now(); now.Sub(u.signed) > tokenAge {
		u.text, u.signed = u.key.Token(now, "bench"), now
	}
	return u.text
}

// addressLength is the length of nearly all uids; uids of the same length can
// take each other's place in a finished request.
const addressLength = 34

// newAddresses makes the uids of n people who only receive.
func newAddresses(n int) ([]id.UID, error) {
	addresses := make([]id.UID, 0, n)
	for len(addresses) < n {
		key, err := auth.NewKey()
		if err != nil {
			return nil, fmt.Errorf("make an address: %w", err)
		}
		if uid := key.UID(); len(uid) == addressLength {
			addresses = append(addresses, uid)
		}
	}
	return addresses, nil
}
