package ratelimit_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/go-redis/redis/v8"

	"parley/pkg/ratelimit"
)

// soon is how long many who do not wait for Redis may take, on a machine that has
// other things to do. To wait as long as its client does takes far longer.
const soon = 10 * time.Second

// short is how long each waits at the most, until it is known that Redis hangs.
const short = 500 * time.Millisecond

// takes wants a token n times and returns how many there were, and how long it took.
func takes(l *ratelimit.Limiter, n int) (taken int, took time.Duration) {
	began := time.Now()
	for range n {
		if ok, _ := l.Take("ann"); ok {
			taken++
		}
	}
	return taken, time.Since(began)
}

// limitsAgain waits until a limiter limits.
func limitsAgain(t *testing.T, l *ratelimit.Limiter) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		if taken, _ := takes(l, 10); taken < 10 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("Redis is back, and nothing is limited")
		}
	}
}

func TestWithoutRedisEverythingIsAllowed(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: 1})
	defer client.Close()
	l := ratelimit.New(client, "test", ratelimit.Rate{PerSecond: 1, Burst: 5}, short)
	if taken, _ := takes(l, 10); taken != 5 {
		t.Errorf("with Redis %d of 10 are allowed, want 5", taken)
	}
	server.Close()
	// What is known to be without a token stays so for its second.
	for end := time.Now().Add(time.Minute); ; {
		if ok, _ := l.Take("ann"); ok || time.Now().After(end) {
			break
		}
	}
	if taken, took := takes(l, 1000); taken != 1000 || took > soon {
		t.Errorf("without Redis %d of 1000 are allowed, which takes %s", taken, took)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	limitsAgain(t, l)
}

// silent passes bytes on to a server until it is told to be silent, and again when
// it is told to speak.
type silent struct {
	net.Listener
	server string
	mu     sync.RWMutex
}

func newSilent(t *testing.T, server string) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{Listener: l, server: server}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go s.carry(in)
		}
	}()
	return s
}

func (s *silent) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", s.server)
	if err != nil {
		return
	}
	go func() {
		defer out.Close()
		_, _ = io.Copy(out, in) // until one of them leaves
	}()
	buffer := make([]byte, 4096)
	for {
		n, err := out.Read(buffer)
		s.mu.RLock() // held by whoever wants silence
		_, failed := in.Write(buffer[:n])
		s.mu.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}

func TestARedisThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	relay := newSilent(t, miniredis.RunT(t).Addr())
	client := redis.NewClient(&redis.Options{Addr: relay.Addr().String(), MaxRetries: 1})
	defer client.Close()
	l := ratelimit.New(client, "test", ratelimit.Rate{PerSecond: 1, Burst: 1000}, short)
	l.Take("ann")
	relay.mu.Lock()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if taken, took := takes(l, 100); taken != 100 || took > soon {
				t.Errorf("while Redis hangs %d of 100 are allowed, which takes %s", taken, took)
			}
		})
	}
	all.Wait()
	relay.mu.Unlock()
	for range 2000 {
		l.Take("ann")
	}
	limitsAgain(t, l)
}

// Somebody has to find out whether Redis is back, and nobody has to wait for that.
func TestNobodyWaitsForATrial(t *testing.T) {
	t.Parallel()
	relay := newSilent(t, miniredis.RunT(t).Addr())
	client := redis.NewClient(&redis.Options{Addr: relay.Addr().String(), ReadTimeout: time.Minute})
	defer client.Close()
	relay.mu.Lock()
	defer relay.mu.Unlock()
	l := ratelimit.New(client, "test", ratelimit.Rate{PerSecond: 1, Burst: 1}, patient)
	for range 3 {
		ratelimit.Trip(l)
		if taken, took := takes(l, 10); taken != 10 || took > soon {
			t.Errorf("when it is time to try again %d of 10 are allowed, which takes %s", taken, took)
		}
	}
}

func TestAWrongAnswerIsNoLimit(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	server.SetError("READONLY You can't write against a read only replica.")
	l := ratelimit.New(client, "test", ratelimit.Rate{PerSecond: 1, Burst: 1}, short)
	if taken, took := takes(l, 20); taken != 20 || took > soon {
		t.Errorf("when Redis refuses to work %d of 20 are allowed, which takes %s", taken, took)
	}
	server.SetError("")
	limitsAgain(t, l)
}
