package redisx

import (
	"crypto/rand"
	"fmt"

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
	server.ClockTTL(true)
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded redis: %w", err)
	}
	cfg := Config{}.withDefaults()
	return &embedded{
		Client: redis.NewClient(nodeOptions(server.Addr(), cfg, access{password: password})),
		server: server,
	}, nil
}

// embedded is a client that owns its server.
type embedded struct {
	*redis.Client
	server *miniredis.Miniredis
}

var _ redis.UniversalClient = (*embedded)(nil)

// Close closes the connections and ends the server.
func (e *embedded) Close() error {
	err := Close(e.Client)
	e.server.Close()
	return err
}
