package redisx

import (
	"context"
	"errors"

	"github.com/go-redis/redis/v8"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"parley/pkg/traces"
)

// hook counts what was not answered, and makes a span of each command of a request
// that is traced: with its name, and without its arguments.
type hook struct{}

var _ redis.Hook = hook{}

// spanKey is where the context of a command has its span.
type spanKey struct{}

func begin(ctx context.Context, name string, commands int) context.Context {
	within, span := traces.Start(ctx, trace.SpanKindClient, "Redis")
	if !span.Recording() {
		return ctx
	}
	span.SetName("Redis " + name)
	span.Set(attribute.String("db.system.name", "redis"), attribute.Int("db.operation.batch.size", commands))
	return context.WithValue(within, spanKey{}, span)
}

func end(ctx context.Context, err error) {
	var answer redis.Error
	if errors.As(err, &answer) {
		err = nil // such as that there is no value
	} else if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, redis.ErrClosed) {
		errorsTotal.Inc()
	}
	if span, ok := ctx.Value(spanKey{}).(traces.Span); ok {
		span.End(err)
	}
}

// BeforeProcess implements redis.Hook.
func (hook) BeforeProcess(ctx context.Context, cmd redis.Cmder) (context.Context, error) {
	return begin(ctx, cmd.Name(), 1), nil
}

// AfterProcess implements redis.Hook.
func (hook) AfterProcess(ctx context.Context, cmd redis.Cmder) error {
	end(ctx, cmd.Err())
	return nil
}

// BeforeProcessPipeline implements redis.Hook.
func (hook) BeforeProcessPipeline(ctx context.Context, cmds []redis.Cmder) (context.Context, error) {
	return begin(ctx, "pipeline", len(cmds)), nil
}

// AfterProcessPipeline implements redis.Hook. All commands of a pipeline fail together
// when there is no answer.
func (hook) AfterProcessPipeline(ctx context.Context, cmds []redis.Cmder) error {
	var err error
	if len(cmds) > 0 {
		err = cmds[0].Err()
	}
	end(ctx, err)
	return nil
}
