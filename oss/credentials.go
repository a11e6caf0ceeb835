package oss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"parley/pkg/fault"
)

// Issue answers temporary credentials of a provider: of aliyun, or of minio where
// only that is configured, when provider is "". They are those of the first app
// that has it. Not configured is fault.Unsupported.
func (s *Service) Issue(ctx context.Context, provider string) (Credentials, error) {
	choice := []string{provider}
	if provider == "" {
		choice = []string{Aliyun, Minio}
	}
	for _, name := range choice {
		for i := range s.config.Apps {
			for _, b := range s.config.Apps[i].Buckets {
				if issuer, ok := b.Keeper.(Issuer); ok && b.Provider == name {
					return s.vault.Get(ctx, b.Scope, issuer)
				}
			}
		}
	}
	return Credentials{}, fault.Unsupported
}

// Shelf keeps credentials where all services find them.
type Shelf interface {
	// Load returns what was saved under a scope and has not expired, or nil.
	Load(ctx context.Context, scope string) ([]byte, error)
	Save(ctx context.Context, scope string, text []byte, life time.Duration) error
	// Lock makes others wait who want to issue the same. It reports whether it got the
	// lock, which ends by itself after life, or by Unlock.
	Lock(ctx context.Context, scope string, life time.Duration) (bool, error)
	Unlock(ctx context.Context, scope string) error
}

// Vault hands out credentials as long as at least a quarter of their life remains,
// and has new ones issued then: once for all who ask in this process, and while the
// shelf works once for all processes.
type Vault struct {
	shelf  Shelf
	locked time.Duration // how long one who has died keeps others from issuing
	report func(error)
	flight singleflight.Group

	mu   sync.Mutex
	held map[string]stocked
}

// NewVault returns a vault for issuers that answer within timeout. What is wrong with
// the shelf goes to report: credentials are then issued without it.
func NewVault(shelf Shelf, timeout time.Duration, report func(error)) *Vault {
	return &Vault{shelf: shelf, locked: timeout + lockSlack, report: report, held: make(map[string]stocked)}
}

// stocked is credentials and when they were issued.
type stocked struct {
	Credentials
	IssuedAt time.Time
}

// good reports whether enough of the life remains.
func (s stocked) good(now time.Time) bool {
	return s.Expires.Sub(now) >= s.Expires.Sub(s.IssuedAt)/4 && s.Expires.After(now)
}

const (
	// lockSlack is for all that one who issues does beside waiting for the provider.
	lockSlack = 2 * time.Second
	// lookAgain is the pause between two looks at the shelf.
	lookAgain = 50 * time.Millisecond
)

// Get returns credentials of a scope.
func (v *Vault) Get(ctx context.Context, scope string, issuer Issuer) (Credentials, error) {
	if c, ok := v.holds(scope); ok {
		return c, nil
	}
	// One for all: who gives up does not take it from the others.
	result := v.flight.DoChan(scope, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*v.locked)
		defer cancel()
		return v.fetch(ctx, scope, issuer)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return Credentials{}, r.Err
		}
		return r.Val.(stocked).Credentials, nil
	case <-ctx.Done():
		return Credentials{}, ctx.Err()
	}
}

func (v *Vault) holds(scope string) (Credentials, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.held[scope]
	return s.Credentials, ok && s.good(time.Now())
}

func (v *Vault) hold(scope string, s stocked) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[scope] = s
}

// fetch takes credentials from the shelf or has them issued.
func (v *Vault) fetch(ctx context.Context, scope string, issuer Issuer) (stocked, error) {
	locked, err := v.await(ctx, scope)
	if err != nil {
		v.report(err)
	}
	if locked {
		defer func() {
			if err := v.shelf.Unlock(context.WithoutCancel(ctx), scope); err != nil {
				v.report(err)
			}
		}()
	}
	if c, ok := v.holds(scope); ok {
		return stocked{Credentials: c}, nil
	}
	now := time.Now()
	c, err := issuer.Issue(ctx)
	if err != nil {
		return stocked{}, err
	}
	s := stocked{Credentials: c, IssuedAt: now}
	if !s.good(time.Now()) {
		return stocked{}, fmt.Errorf("credentials that were just issued expire at %s: is a clock wrong?", c.Expires)
	}
	v.hold(scope, s)
	text, err := json.Marshal(s)
	if err == nil {
		err = v.shelf.Save(ctx, scope, text, c.Expires.Sub(now))
	}
	if err != nil {
		v.report(err)
	}
	return s, nil
}

// await returns when this process holds good credentials, or when it is the one to
// issue them, which it does without the lock when the shelf fails.
func (v *Vault) await(ctx context.Context, scope string) (locked bool, err error) {
	for {
		if found, err := v.look(ctx, scope); err != nil || found {
			return false, err
		}
		if locked, err := v.shelf.Lock(ctx, scope, v.locked); err != nil {
			return false, err
		} else if locked {
			// Somebody may have saved some between the two.
			_, err := v.look(ctx, scope)
			return true, err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return false, errors.New("another service has been issuing credentials for too long")
		}
	}
}

// look takes what is on the shelf if it is good.
func (v *Vault) look(ctx context.Context, scope string) (found bool, err error) {
	text, err := v.shelf.Load(ctx, scope)
	if err != nil || text == nil {
		return false, err
	}
	var s stocked
	if json.Unmarshal(text, &s) != nil || !s.good(time.Now()) {
		return false, nil
	}
	v.hold(scope, s)
	return true, nil
}
