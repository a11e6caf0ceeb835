package redisx

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"parley/pkg/secret"
	"parley/pkg/tlsx"
)

// Config says where Redis is. The zero value means the embedded one, inside
// this process.
type Config struct {
	// Addrs are host:port addresses. None means the embedded Redis. One is a
	// single server, or any node of a cluster; several are nodes of a cluster.
	// With Master set they are sentinels.
	Addrs []string `yaml:"Addrs"`
	// Master is the name under which the sentinels know the master. Empty means
	// that there are no sentinels.
	Master string `yaml:"Master"`
	// Username is the user of Redis's ACL. Empty means the default user.
	Username string `yaml:"Username"`
	// PasswordFile names a file that holds the password. White space at its
	// end does not count. Empty means no password.
	PasswordFile string `yaml:"PasswordFile"`
	// SentinelPasswordFile names a file that holds the password of the
	// sentinels. Empty means that they ask for none.
	SentinelPasswordFile string `yaml:"SentinelPasswordFile"`
	tlsx.ClientConfig
	// DB is the number of the database. A cluster has only 0. Default 0.
	DB int `yaml:"DB"`
	// PoolSize bounds the connections to one server. Default 32.
	PoolSize int `yaml:"PoolSize"`
	// StartTimeout is how long the start waits for a server that is down.
	// Default 60s.
	StartTimeout time.Duration `yaml:"StartTimeout"`
}

// key is where the configuration keeps the addresses, for messages to operators.
const key = "Redis.Addrs"

func (c Config) withDefaults() Config {
	c.PoolSize = cmp.Or(c.PoolSize, 32)
	c.StartTimeout = cmp.Or(c.StartTimeout, 60*time.Second)
	return c
}

// Check reports what is wrong with c without connecting to anything.
func (c Config) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.PoolSize < 0 {
		wrong("Redis.PoolSize is %d and must be at least 0", c.PoolSize)
	}
	if c.StartTimeout < 0 {
		wrong("Redis.StartTimeout is %s and must be at least 0s", c.StartTimeout)
	}
	if c.DB < 0 {
		wrong("Redis.DB is %d and must be at least 0", c.DB)
	}
	for _, addr := range c.Addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			wrong("%s: %q is not host:port: %w", key, addr, err)
		}
	}
	if len(c.Addrs) == 0 && c.Master != "" {
		wrong("Redis.Master is %q, but %s names no sentinel", c.Master, key)
	}
	if c.isCluster() && c.DB != 0 {
		wrong("Redis.DB is %d and must be 0: a cluster has no other database", c.DB)
	}
	_, err := c.resolve()
	return errors.Join(append(errs, err)...)
}

func (c Config) isCluster() bool { return len(c.Addrs) > 1 && c.Master == "" }

// access is what c says in other files.
type access struct {
	password, sentinelPassword string
	tls                        *tls.Config // nil without TLS
}

func (c Config) resolve() (a access, err error) {
	if a.password, err = secret.Read("Redis.PasswordFile", c.PasswordFile); err != nil {
		return access{}, err
	}
	if a.sentinelPassword, err = secret.Read("Redis.SentinelPasswordFile", c.SentinelPasswordFile); err != nil {
		return access{}, err
	}
	if a.tls, err = tlsx.Load("Redis", c.ClientConfig); err != nil {
		return access{}, err
	}
	return a, nil
}
