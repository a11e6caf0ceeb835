package redisx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-redis/redis/v8"
)

// commandTable is what the servers of a cluster told of their commands, the
// same for all of them.
type commandTable struct {
	mu       sync.Mutex
	commands map[string]*redis.CommandInfo
}

// get returns the table, which it gets from node the first time.
func (t *commandTable) get(ctx context.Context, node *redis.Client) (map[string]*redis.CommandInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.commands != nil {
		return t.commands, nil
	}
	answer, err := node.Do(ctx, "COMMAND").Slice()
	if err != nil {
		return nil, fmt.Errorf("ask redis for its commands: %w", err)
	}
	commands := make(map[string]*redis.CommandInfo, len(answer))
	for _, a := range answer {
		info, err := parseCommand(a)
		if err != nil {
			return nil, err
		}
		commands[info.Name] = info
	}
	t.commands = commands
	return commands, nil
}

// commandHook answers what go-redis asks as COMMAND from a table, on a node.
type commandHook struct {
	node  *redis.Client
	table *commandTable
}

var _ redis.Hook = commandHook{}

// errAnswered keeps go-redis from sending what was answered already.
var errAnswered = errors.New("answered from the table of commands")

// BeforeProcess puts the answer into the command. Only go-redis itself makes a
// CommandsInfoCmd; the Do above passes.
func (h commandHook) BeforeProcess(ctx context.Context, cmd redis.Cmder) (context.Context, error) {
	info, ok := cmd.(*redis.CommandsInfoCmd)
	if !ok {
		return ctx, nil
	}
	commands, err := h.table.get(ctx, h.node)
	if err != nil {
		return ctx, err
	}
	info.SetVal(commands)
	return ctx, errAnswered
}

// AfterProcess takes the mark off the command again.
func (commandHook) AfterProcess(_ context.Context, cmd redis.Cmder) error {
	if errors.Is(cmd.Err(), errAnswered) {
		cmd.SetErr(nil)
	}
	return nil
}

// BeforeProcessPipeline does nothing.
func (commandHook) BeforeProcessPipeline(ctx context.Context, _ []redis.Cmder) (context.Context, error) {
	return ctx, nil
}

// AfterProcessPipeline does nothing.
func (commandHook) AfterProcessPipeline(context.Context, []redis.Cmder) error { return nil }

var errCommand = errors.New("the answer to COMMAND is not understood")

// parseCommand reads [name, arity, flags, first key, last key, step, ...]. What
// newer servers add at the end does not matter here.
func parseCommand(answer any) (*redis.CommandInfo, error) {
	parts, ok := answer.([]any)
	if !ok || len(parts) < 6 {
		return nil, errCommand
	}
	name, ok := parts[0].(string)
	if !ok {
		return nil, errCommand
	}
	flags, ok := parts[2].([]any)
	if !ok {
		return nil, errCommand
	}
	info := &redis.CommandInfo{Name: strings.ToLower(name)}
	for _, field := range []struct {
		at int
		to *int8
	}{{1, &info.Arity}, {3, &info.FirstKeyPos}, {4, &info.LastKeyPos}, {5, &info.StepCount}} {
		n, ok := parts[field.at].(int64)
		if !ok {
			return nil, errCommand
		}
		*field.to = int8(n)
	}
	for _, f := range flags {
		flag, ok := f.(string)
		if !ok {
			return nil, errCommand
		}
		info.Flags = append(info.Flags, flag)
	}
	info.ReadOnly = slices.Contains(info.Flags, "readonly")
	return info, nil
}
