// Package redisx opens Redis: a single server, a master behind sentinels, a
// cluster, or an embedded one inside this process. It sets time-outs under
// which a server that is gone becomes an error within seconds. What is kept in
// Redis is up to others; nothing there is the only copy of anything that was
// acknowledged.
//
// Code that must also run on a cluster gives keys that are used together one
// hash tag, as in call:{42}:state and call:{42}:owed.
package redisx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/await"
)

const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2 * time.Second
	poolTimeout = 2 * time.Second
	// retries is for a connection that broke while it lay in the pool. Commands
	// that must not run twice have to be safe against that by themselves,
	// since an answer may be lost at any time.
	retries = 1
	// redirects bounds how often a command follows a cluster that moves.
	redirects = 5
)

// Open opens the Redis that cfg names, or else an embedded one. It waits up to
// cfg.StartTimeout for a server that is down.
func Open(ctx context.Context, cfg Config) (redis.UniversalClient, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if len(cfg.Addrs) == 0 {
		return Embedded()
	}
	client, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	measure(client)
	return client, nil
}

// connect returns a client of a server that answers.
func connect(ctx context.Context, cfg Config) (redis.UniversalClient, error) {
	access, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	client := newClient(cfg, access)
	server := await.Server{
		Name:    fmt.Sprintf("redis at %s", strings.Join(cfg.Addrs, ", ")),
		Key:     key,
		Timeout: cfg.StartTimeout,
	}
	err = await.For(ctx, server, func(ctx context.Context) error { return classify(Ping(ctx, client)) })
	if err != nil {
		return nil, errors.Join(err, Close(client))
	}
	if cfg.Master == "" && len(cfg.Addrs) == 1 {
		return upgrade(ctx, client, cfg, access)
	}
	return client, nil
}

// Close closes a client. A connection that another goroutine closed at the same
// time is as good as closed.
func Close(client redis.UniversalClient) error {
	unmeasure(client)
	if err := client.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("close the connections to redis: %w", err)
	}
	return nil
}

// Ping reports whether Redis answers, for readiness: in a cluster every master.
func Ping(ctx context.Context, client redis.UniversalClient) error {
	var err error
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return node.Ping(ctx).Err()
		})
	} else {
		err = client.Ping(ctx).Err()
	}
	if err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// classify marks the errors that waiting does not cure.
func classify(err error) error {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return err
	}
	for _, permanent := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password",
		"ERR This instance has cluster support disabled", "ERR DB index is out of range"} {
		if strings.HasPrefix(answer.Error(), permanent) {
			return await.Permanent(err)
		}
	}
	return err
}

func newClient(cfg Config, access access) redis.UniversalClient {
	switch {
	case cfg.Master != "":
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName:       cfg.Master,
			SentinelAddrs:    cfg.Addrs,
			SentinelPassword: access.sentinelPassword,
			Username:         cfg.Username,
			Password:         access.password,
			DB:               cfg.DB,
			TLSConfig:        access.tls,
			MaxRetries:       retries,
			DialTimeout:      dialTimeout,
			ReadTimeout:      ioTimeout,
			WriteTimeout:     ioTimeout,
			PoolSize:         cfg.PoolSize,
			PoolTimeout:      poolTimeout,
		})
	case cfg.isCluster():
		return newCluster(cfg, access)
	default:
		return redis.NewClient(nodeOptions(cfg.Addrs[0], cfg, access))
	}
}

func nodeOptions(addr string, cfg Config, access access) *redis.Options {
	return &redis.Options{
		Addr:         addr,
		Username:     cfg.Username,
		Password:     access.password,
		DB:           cfg.DB,
		TLSConfig:    access.tls,
		MaxRetries:   retries,
		DialTimeout:  dialTimeout,
		ReadTimeout:  ioTimeout,
		WriteTimeout: ioTimeout,
		PoolSize:     cfg.PoolSize,
		PoolTimeout:  poolTimeout,
	}
}

// upgrade returns client, or a client of the cluster that its server is a node
// of: many installations give a cluster a single address.
func upgrade(ctx context.Context, client redis.UniversalClient, cfg Config, access access) (redis.UniversalClient, error) {
	info, err := client.Info(ctx, "cluster").Result()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask redis whether it is a cluster: %w", err), Close(client))
	}
	if !strings.Contains(info, "cluster_enabled:1") {
		return client, nil
	}
	if err := Close(client); err != nil {
		return nil, err
	}
	if cfg.DB != 0 {
		return nil, errors.New("Redis.DB: a cluster has only database 0")
	}
	cluster := newCluster(cfg, access)
	if err := Ping(ctx, cluster); err != nil {
		return nil, errors.Join(err, Close(cluster))
	}
	return cluster, nil
}

// logger hands what go-redis has to say to the log of Parley. The library
// knows only one logger for the whole process.
type logger struct{}

func (logger) Printf(ctx context.Context, format string, args ...any) {
	logx.WithContext(ctx).Infof("redis: "+format, args...)
}

func init() { redis.SetLogger(logger{}) }
