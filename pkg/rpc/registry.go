package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

const (
	// leaseSeconds is how long an entry outlives a server that dies.
	leaseSeconds = 10
	// askTimeout bounds a request to etcd, and retryAfter is the pause after one
	// that failed.
	askTimeout = 3 * time.Second
	retryAfter = 500 * time.Millisecond
	// lookEvery is how often all entries are read, beside being told of changes: an
	// etcd that was set up anew tells of none until it has made as many as the old one.
	lookEvery = 10 * time.Second
)

// RegistryConfig says where the etcd is in which servers enter themselves.
type RegistryConfig struct {
	// Hosts are its addresses.
	Hosts []string
	// User and Password are empty where it asks for none.
	User, Password string
	// TLS is for encrypted connections, or nil.
	TLS *tls.Config
	// Prefix is what the keys of an installation begin with.
	Prefix string
}

// Registry is the etcd in which servers enter themselves and clients find them. The
// keys are those of go-zero, prefix/service/entry, so that its clients find them too.
//
// go-zero's own publisher and subscriber are not used. When etcd comes back after it
// was gone for longer than a lease, its publisher revokes the old entry before it makes
// a new one, and all servers vanish for a second; its subscriber believes an etcd that
// has lost everything; and it can only be told to leave, not when it has left.
type Registry struct {
	client *clientv3.Client
	prefix string
}

// OpenRegistry returns a registry. It does not wait for etcd, unless it has to be told
// a password.
func OpenRegistry(c RegistryConfig) (*Registry, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            c.Hosts,
		Username:             c.User,
		Password:             c.Password,
		TLS:                  c.TLS,
		DialTimeout:          askTimeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: askTimeout,
		DialOptions:          []grpc.DialOption{grpc.WithConnectParams(reconnect)},
		Logger:               zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("open the registry at %s: %w", strings.Join(c.Hosts, ", "), err)
	}
	return &Registry{client: client, prefix: c.Prefix}, nil
}

// Close ends the connections to etcd. Servers leave and clients are closed before.
func (r *Registry) Close() error { return r.client.Close() }

// key is what the keys of the servers of a service begin with.
func (r *Registry) key(service string) string { return r.prefix + "/" + service + "/" }

// Ready returns nil if etcd answers. It asks without the client's help, which would say
// of every etcd to which there is no connection that the time is up, and not why.
func (r *Registry) Ready(ctx context.Context) error {
	etcd := etcdserverpb.NewKVClient(r.client.ActiveConnection())
	_, err := etcd.Range(ctx, &etcdserverpb.RangeRequest{Key: []byte(r.prefix + "/"), Limit: 1})
	return err
}

// enter keeps the address of a server in the registry until leave is called, which
// returns when the entry is gone, or cannot be removed and will end with its lease. Also
// the entry of a process that dies ends so. While etcd cannot be reached it is tried
// again and again; it returns when the entry was made, or the first try has failed.
func (r *Registry) enter(service, address string) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	tried, left := make(chan struct{}, 1), make(chan struct{})
	e := entry{client: r.client, key: r.key(service) + address, address: address}
	go func() {
		defer close(left)
		e.keep(ctx, func() {
			select {
			case tried <- struct{}{}:
			default:
			}
		})
	}()
	<-tried
	return func() {
		cancel()
		<-left
	}
}

// entry is the place of one server in the registry. Its key is the same whenever it is
// made again, so that it is replaced and never missing in between.
type entry struct {
	client       *clientv3.Client
	key, address string
}

// keep holds the entry until ctx ends, and removes it then. It calls tried after each try
// to make it.
func (e entry) keep(ctx context.Context, tried func()) {
	var last clientv3.LeaseID
	defer func() { e.remove(ctx, last) }()
	for {
		lease, err := e.put(ctx)
		if lease != clientv3.NoLease {
			last = lease
		}
		tried()
		if err == nil {
			err = e.hold(ctx, lease)
		}
		if ctx.Err() != nil {
			return
		}
		logx.Errorf("the entry of %s in the registry is lost, it is made again: %v", e.key, err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return
		}
	}
}

// put makes the entry. Also when that fails it may have been made, and then it ends with
// the lease that is returned, if that is not 0.
func (e entry) put(ctx context.Context) (clientv3.LeaseID, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	granted, err := e.client.Grant(ctx, leaseSeconds)
	if err != nil {
		return clientv3.NoLease, fmt.Errorf("get a lease: %w", err)
	}
	if _, err := e.client.Put(ctx, e.key, e.address, clientv3.WithLease(granted.ID)); err != nil {
		return granted.ID, fmt.Errorf("enter: %w", err)
	}
	return granted.ID, nil
}

// hold renews the lease until it is lost, or ctx ends.
func (e entry) hold(ctx context.Context, lease clientv3.LeaseID) error {
	kept, err := e.client.KeepAlive(ctx, lease)
	if err == nil {
		for range kept {
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("keep the lease: %w", orLost(err))
}

// remove ends the lease and with it the entry. That ctx has ended does not matter.
func (e entry) remove(ctx context.Context, lease clientv3.LeaseID) {
	if lease == clientv3.NoLease {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	if _, err := e.client.Revoke(ctx, lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		logx.Errorf("%s stays in the registry for up to %d s: %v", e.key, leaseSeconds, err)
	}
}

func orLost(err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("etcd was not reached for %d s, or has lost it", leaseSeconds)
}

// follow reports the addresses of the servers of a service, at once and whenever they
// change, until ctx ends. That there is none is not reported: it is what an etcd that
// lost its data says, and who called those that were there has nothing better to do
// than to go on.
func (r *Registry) follow(ctx context.Context, service string, report func(addresses []string)) {
	var known []string
	var listed listing
	tell := func(entries map[string]string, revision int64) {
		now := slices.Compact(slices.Sorted(maps.Values(listed.hear(entries, revision))))
		if len(now) > 0 && !slices.Equal(now, known) {
			known = now
			report(slices.Clone(now))
		}
	}
	for failed := false; ; {
		err := r.watch(ctx, service, tell)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failed = false
			continue
		}
		if !failed {
			logx.Errorf("the registry does not tell where %s is, it is asked again: %v", service, err)
			failed = true
		}
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return
		}
	}
}

// watch reads the entries of a service and follows their changes for lookEvery, or until
// etcd cannot be reached.
func (r *Registry) watch(ctx context.Context, service string, tell func(entries map[string]string, revision int64)) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	asking, asked := context.WithTimeout(ctx, askTimeout)
	now, err := r.client.Get(asking, r.key(service), clientv3.WithPrefix())
	asked()
	if err != nil {
		return err
	}
	entries := make(map[string]string)
	for _, kv := range now.Kvs {
		entries[string(kv.Key)] = string(kv.Value)
	}
	tell(entries, now.Header.Revision)
	changes := r.client.Watch(ctx, r.key(service), clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1))
	look := time.After(lookEvery)
	for {
		select {
		case change, ok := <-changes:
			if err := change.Err(); err != nil {
				return err
			}
			if !ok {
				return errors.New("etcd ended the watch")
			}
			for _, e := range change.Events {
				if e.Type == clientv3.EventTypeDelete {
					delete(entries, string(e.Kv.Key))
				} else {
					entries[string(e.Kv.Key)] = string(e.Kv.Value)
				}
			}
			tell(entries, change.Header.Revision)
		case <-look:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
