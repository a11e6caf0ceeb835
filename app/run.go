package app

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
)

// Run is the life of a process: it starts the targets, says when they are
// ready, and stops them in order when ctx ends or a part of it dies. Its operations
// port answers from before the first to after the last.
func Run(ctx context.Context, config Config, options Options) error {
	if err := setUpProcess(config); err != nil {
		return err
	}
	stopTraces, err := startTraces(config.Trace, options.Targets)
	if err != nil {
		return err
	}
	defer stopTraces()
	port, err := openOperations(config.Ops)
	if err != nil {
		return err
	}
	defer port.close()
	if os.Getenv("GOGC") == "" { // the environment goes before
		weighing, stop := context.WithCancel(ctx)
		defer stop()
		go weigh(weighing)
	}

	began := time.Now()
	a, err := Start(ctx, config, options)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		logx.Info("told to stop while starting")
		return nil
	}
	if err != nil {
		return err
	}
	logx.Infof("parley %s is ready after %s: %s", Version, time.Since(began).Round(time.Millisecond), a)
	port.started(a)

	select {
	case <-ctx.Done():
		a.leaving.Store(true)
		err = port.stopping(config.Stop.Delay, a.Failed())
		logx.Infof("told to stop, finishing what is in flight for up to %s", config.Stop.Grace)
	case err = <-a.Failed():
		err = errors.Join(err, port.stopping(0, nil))
	}
	err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	if err == nil {
		logx.Info("stopped")
	}
	return err
}
