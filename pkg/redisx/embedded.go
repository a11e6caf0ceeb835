package redisx

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/go-redis/redis/v8"
)

// Embedded starts a Redis inside this process and returns its client, whose
// Close also ends the server. It keeps nothing on disk, and its keys expire as
// time goes by. It listens on a free port of the loopback address, with a
// password that nobody else knows, since others may use the machine.
func Embedded() (redis.UniversalClient, error) {
	password := rand.Text()
	server := miniredis.NewMiniRedis()
	server.RequireAuth(password)
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded redis: %w", err)
	}
	cfg := Config{}.withDefaults()
	e := &embedded{
		Client:  redis.NewClient(nodeOptions(server.Addr(), cfg, access{password: password})),
		server:  server,
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	measure(e.Client)
	go e.tick()
	return e, nil
}

// embedded is a client that owns its server.
type embedded struct {
	*redis.Client
	server  *miniredis.Miniredis
	ended   sync.Once
	stop    chan struct{}
	stopped chan struct{}
}

// tickEvery is how late a key may expire. miniredis looks at all its keys when it
// lets time pass: with every command, if it is to do so by itself.
const tickEvery = time.Second

// tick lets time pass in the server.
func (e *embedded) tick() {
	defer close(e.stopped)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
			now := time.Now()
			e.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

var _ redis.UniversalClient = (*embedded)(nil)

// Close closes the connections and ends the server.
func (e *embedded) Close() error {
	err := Close(e.Client)
	e.ended.Do(func() { close(e.stop) })
	<-e.stopped
	e.server.Close()
	return err
}
