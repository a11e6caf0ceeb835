// Package redis keeps temporary credentials of object storage in Redis, where all
// services find them.
package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/oss"
)

// Shelf is an oss.Shelf in Redis. What it has lives no longer than the credentials,
// and losing it costs no more than to have them issued again.
type Shelf struct {
	redis redis.UniversalClient
	// owner tells this process's locks from those of others.
	owner string
}

var _ oss.Shelf = (*Shelf)(nil)

// NewShelf returns the shelf in a Redis; owner is unique to the process.
func NewShelf(client redis.UniversalClient, owner string) *Shelf {
	return &Shelf{redis: client, owner: owner}
}

func credentialsKey(scope string) string { return "oss:{" + scope + "}:credentials" }

func lockKey(scope string) string { return "oss:{" + scope + "}:lock" }

// Load implements oss.Shelf.
func (s *Shelf) Load(ctx context.Context, scope string) ([]byte, error) {
	text, err := s.redis.Get(ctx, credentialsKey(scope)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials from Redis: %w", err)
	}
	return text, nil
}

// Save implements oss.Shelf.
func (s *Shelf) Save(ctx context.Context, scope string, text []byte, life time.Duration) error {
	if err := s.redis.Set(ctx, credentialsKey(scope), text, life).Err(); err != nil {
		return fmt.Errorf("keep credentials in Redis: %w", err)
	}
	return nil
}

// Lock implements oss.Shelf.
func (s *Shelf) Lock(ctx context.Context, scope string, life time.Duration) (bool, error) {
	got, err := s.redis.SetNX(ctx, lockKey(scope), s.owner, life).Result()
	if err != nil {
		return false, fmt.Errorf("lock the issuing of credentials: %w", err)
	}
	return got, nil
}

// unlock removes the lock if it still is the one of this process.
var unlock = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

// Unlock implements oss.Shelf.
func (s *Shelf) Unlock(ctx context.Context, scope string) error {
	if err := unlock.Run(ctx, s.redis, []string{lockKey(scope)}, s.owner).Err(); err != nil {
		return fmt.Errorf("unlock the issuing of credentials: %w", err)
	}
	return nil
}
