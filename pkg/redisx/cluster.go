package redisx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/go-redis/redis/v8"
)

// newCluster returns a client of the cluster that cfg.Addrs are nodes of.
//
// go-redis v8 does not understand what Redis 7 answers to CLUSTER SLOTS and to
// COMMAND. Without the first it finds no node. Without the second it neither
// knows where the key of a command is, so that it asks a node at random and is
// sent on, nor stops asking, before each single command. So both are asked and
// read here.
func newCluster(cfg Config, access access) *redis.ClusterClient {
	layout := &layout{seeds: cfg.Addrs, options: func(addr string) *redis.Options {
		o := nodeOptions(addr, cfg, access)
		o.PoolSize = 1
		return o
	}}
	commands := new(commandTable)
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:        cfg.Addrs,
		ClusterSlots: layout.slots,
		NewClient: func(o *redis.Options) *redis.Client {
			node := redis.NewClient(o)
			node.AddHook(commandHook{node, commands})
			return node
		},
		Username:     cfg.Username,
		Password:     access.password,
		TLSConfig:    access.tls,
		MaxRedirects: redirects,
		MaxRetries:   retries,
		DialTimeout:  dialTimeout,
		ReadTimeout:  ioTimeout,
		WriteTimeout: ioTimeout,
		PoolSize:     cfg.PoolSize,
		PoolTimeout:  poolTimeout,
	})
}

// layout finds out which node serves which slots. It asks the nodes that it
// saw last before the seeds, which may be gone for long.
type layout struct {
	seeds   []string
	options func(addr string) *redis.Options

	mu   sync.Mutex
	seen []string
}

// slots asks one node after the other and returns the first answer.
func (l *layout) slots(ctx context.Context) ([]redis.ClusterSlot, error) {
	l.mu.Lock()
	addrs := slices.Concat(l.seen, l.seeds)
	l.mu.Unlock()
	var all error
	for i, addr := range addrs {
		if slices.Contains(addrs[:i], addr) {
			continue
		}
		slots, err := l.ask(ctx, addr)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("ask %s for the slots of the cluster: %w", addr, err))
			continue
		}
		l.remember(slots)
		return slots, nil
	}
	return nil, all
}

func (l *layout) remember(slots []redis.ClusterSlot) {
	var seen []string
	for _, s := range slots {
		for _, n := range s.Nodes {
			if !slices.Contains(seen, n.Addr) {
				seen = append(seen, n.Addr)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = seen
}

func (l *layout) ask(ctx context.Context, addr string) ([]redis.ClusterSlot, error) {
	node := redis.NewClient(l.options(addr))
	defer node.Close()
	answer, err := node.Do(ctx, "CLUSTER", "SLOTS").Slice()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	slots := make([]redis.ClusterSlot, 0, len(answer))
	for _, a := range answer {
		slot, err := parseSlots(a, host)
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	if len(slots) == 0 {
		return nil, errors.New("the cluster serves no slot yet")
	}
	return slots, nil
}

var errSlots = errors.New("the answer to CLUSTER SLOTS is not understood")

// parseSlots reads [first, last, master, replica ...], where a node is [host,
// port, id, ...]. A node that does not know its own host, or does not tell it,
// is where the answer came from.
func parseSlots(answer any, asked string) (redis.ClusterSlot, error) {
	parts, ok := answer.([]any)
	if !ok || len(parts) < 3 {
		return redis.ClusterSlot{}, errSlots
	}
	first, ok1 := parts[0].(int64)
	last, ok2 := parts[1].(int64)
	if !ok1 || !ok2 {
		return redis.ClusterSlot{}, errSlots
	}
	slot := redis.ClusterSlot{Start: int(first), End: int(last)}
	for _, part := range parts[2:] {
		node, ok := part.([]any)
		if !ok || len(node) < 2 {
			return redis.ClusterSlot{}, errSlots
		}
		port, ok := node[1].(int64)
		if !ok {
			return redis.ClusterSlot{}, errSlots
		}
		host, _ := node[0].(string)
		if host == "" || host == "?" {
			host = asked
		}
		slot.Nodes = append(slot.Nodes, redis.ClusterNode{Addr: net.JoinHostPort(host, strconv.FormatInt(port, 10))})
	}
	return slot, nil
}
