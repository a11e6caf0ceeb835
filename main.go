// Parley is the backend of an instant messenger, in one binary: everything in
// one process, or the parts of it that -target names. See parley help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"parley/app"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go stopOnSignal(cancel)
	os.Exit(app.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// stopOnSignal lets the first signal stop the process in order, and the second
// at once, with the exit code that shells give to a process that a signal ended.
func stopOnSignal(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	stop()
	second := <-signals
	os.Exit(128 + int(second.(syscall.Signal)))
}
