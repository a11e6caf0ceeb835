package oss_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/oss"
	ossredis "parley/oss/redis"
	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
)

// mint issues credentials that tell how many came before.
type mint struct {
	oss.Provider
	life   time.Duration
	issued atomic.Int32
	// hold is waited for before each answer, if it is there.
	hold chan struct{}
	err  error
}

func (m *mint) Issue(ctx context.Context) (oss.Credentials, error) {
	n := m.issued.Add(1)
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return oss.Credentials{}, ctx.Err()
		}
	}
	return oss.Credentials{AccessKeyID: fmt.Sprint("key ", n), AccessKeySecret: "secret", Expires: time.Now().Add(m.life)}, m.err
}

func quiet(t *testing.T) func(error) { return func(err error) { t.Errorf("the shelf: %v", err) } }

// pocket is a shelf in memory.
type pocket struct {
	mu     sync.Mutex
	texts  map[string][]byte
	locked map[string]time.Time
	err    error
}

func newPocket() *pocket {
	return &pocket{texts: make(map[string][]byte), locked: make(map[string]time.Time)}
}

func (p *pocket) Load(_ context.Context, scope string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.texts[scope], p.err
}

func (p *pocket) Save(_ context.Context, scope string, text []byte, _ time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts[scope] = text
	return p.err
}

func (p *pocket) Lock(_ context.Context, scope string, life time.Duration) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.locked[scope].After(time.Now()) {
		return false, p.err
	}
	p.locked[scope] = time.Now().Add(life)
	return true, p.err
}

func (p *pocket) Unlock(_ context.Context, scope string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.locked, scope)
	return p.err
}

func TestCredentialsAreHandedOutForThreeQuartersOfTheirLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, m := newPocket(), &mint{life: time.Hour}
		first, second := oss.NewVault(shelf, 8*time.Second, quiet(t)), oss.NewVault(shelf, 8*time.Second, quiet(t))
		for _, step := range []struct {
			vault *oss.Vault
			after time.Duration
			want  string
		}{
			{first, 0, "key 1"}, {second, 0, "key 1"}, {first, 45 * time.Minute, "key 1"},
			{second, time.Second, "key 2"}, {first, 0, "key 2"}, {first, 46 * time.Minute, "key 3"},
		} {
			time.Sleep(step.after)
			if c, err := step.vault.Get(t.Context(), "scope", m); err != nil || c.AccessKeyID != step.want {
				t.Errorf("%s later they are %s, error %v, want %s", step.after, c.AccessKeyID, err, step.want)
			}
		}
	})
}

func TestManyWhoAskAtOnceHaveCredentialsIssuedOnce(t *testing.T) {
	t.Parallel()
	m := &mint{life: time.Hour, hold: make(chan struct{})}
	client := redistest.New(t)
	vaults := []*oss.Vault{
		oss.NewVault(ossredis.NewShelf(client, "first"), 8*time.Second, quiet(t)), oss.NewVault(ossredis.NewShelf(client, "second"), 8*time.Second, quiet(t)),
	}
	var asking sync.WaitGroup
	for i := range 20 {
		asking.Go(func() {
			if c, err := vaults[i%2].Get(t.Context(), "scope", m); err != nil || c.AccessKeyID != "key 1" {
				t.Errorf("got %s, error %v", c.AccessKeyID, err)
			}
		})
	}
	m.hold <- struct{}{}
	asking.Wait()
	if n := m.issued.Load(); n != 1 {
		t.Errorf("they were issued %d times", n)
	}
}

func TestWhoGivesUpDoesNotTakeCredentialsFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &mint{life: time.Hour, hold: make(chan struct{})}
		v := oss.NewVault(newPocket(), 8*time.Second, quiet(t))
		ctx, cancel := context.WithCancel(t.Context())
		var given, got error
		var asking sync.WaitGroup
		asking.Go(func() { _, given = v.Get(ctx, "scope", m) })
		synctest.Wait()
		asking.Go(func() { _, got = v.Get(t.Context(), "scope", m) })
		synctest.Wait()
		cancel()
		m.hold <- struct{}{}
		asking.Wait()
		if !errors.Is(given, context.Canceled) || got != nil || m.issued.Load() != 1 {
			t.Errorf("who gave up got %v, the other %v, issued %d times", given, got, m.issued.Load())
		}
	})
}

func TestCredentialsAreIssuedWithoutTheShelf(t *testing.T) {
	t.Parallel()
	shelf := newPocket()
	shelf.err = errors.New("gone")
	var told int
	v := oss.NewVault(shelf, 8*time.Second, func(error) { told++ })
	m := &mint{life: time.Hour}
	for range 2 {
		if c, err := v.Get(t.Context(), "scope", m); err != nil || c.AccessKeyID != "key 1" {
			t.Errorf("got %s, error %v", c.AccessKeyID, err)
		}
	}
	if told == 0 {
		t.Error("nobody was told that the shelf is gone")
	}
}

func TestAServiceThatDiesWhileIssuingHoldsOthersUpForAMomentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := newPocket()
		shelf.locked["scope"] = time.Now().Add(10 * time.Second)
		v := oss.NewVault(shelf, 8*time.Second, quiet(t))
		began := time.Now()
		c, err := v.Get(t.Context(), "scope", &mint{life: time.Hour})
		if waited := time.Since(began); err != nil || c.AccessKeyID != "key 1" || waited > 11*time.Second {
			t.Errorf("after %s: %s, error %v", waited, c.AccessKeyID, err)
		}
	})
}

func TestAFailureToIssueIsNotKept(t *testing.T) {
	t.Parallel()
	v := oss.NewVault(newPocket(), 8*time.Second, quiet(t))
	m := &mint{life: time.Hour, err: errDown}
	if _, err := v.Get(t.Context(), "scope", m); !errors.Is(err, error(errDown)) {
		t.Errorf("the error is %v", err)
	}
	m.err = nil
	if c, err := v.Get(t.Context(), "scope", m); err != nil || c.AccessKeyID != "key 2" {
		t.Errorf("got %s, error %v", c.AccessKeyID, err)
	}
}

func TestWhoseCredentialsAreIssued(t *testing.T) {
	t.Parallel()
	none := &fickle{}
	bucket := func(provider string, keeper oss.Provider) oss.Bucket {
		return oss.Bucket{Provider: provider, Keeper: keeper, Scope: provider}
	}
	for name, row := range map[string]struct {
		apps   []oss.App
		asked  string
		issued string // the provider whose they are
	}{
		"nothing is configured":         {nil, "", ""},
		"a store that has none":         {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Local, none)}}}, "", ""},
		"minio alone":                   {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Minio, &mint{life: 1 * time.Hour})}}}, "", oss.Minio},
		"aliyun in the second app":      {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Minio, &mint{life: 1 * time.Hour})}}, {Buckets: []oss.Bucket{bucket(oss.Aliyun, &mint{life: 2 * time.Hour})}}}, "", oss.Aliyun},
		"aliyun without a role":         {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Aliyun, none), bucket(oss.Minio, &mint{life: 1 * time.Hour})}}}, "", oss.Minio},
		"huaweiyun is asked for":        {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Aliyun, &mint{life: 2 * time.Hour}), bucket(oss.Huaweiyun, &mint{life: 3 * time.Hour})}}}, oss.Huaweiyun, oss.Huaweiyun},
		"huaweiyun is not there":        {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Aliyun, &mint{life: 2 * time.Hour})}}}, oss.Huaweiyun, ""},
		"huaweiyun is not for everyone": {[]oss.App{{Buckets: []oss.Bucket{bucket(oss.Huaweiyun, &mint{life: 3 * time.Hour})}}}, "", ""},
	} {
		service := oss.New(oss.Config{Apps: row.apps}, nil, oss.NewVault(newPocket(), 8*time.Second, quiet(t)))
		began := time.Now()
		c, err := service.Issue(t.Context(), row.asked)
		if row.issued == "" {
			if !errors.Is(err, fault.Unsupported) {
				t.Errorf("%s: %+v, error %v", name, c, err)
			}
			continue
		}
		life := map[string]time.Duration{oss.Minio: time.Hour, oss.Aliyun: 2 * time.Hour, oss.Huaweiyun: 3 * time.Hour}[row.issued]
		if err != nil || c.Expires.Before(began.Add(life)) || c.Expires.After(time.Now().Add(life)) {
			t.Errorf("%s: %+v, error %v", name, c, err)
		}
	}
}
