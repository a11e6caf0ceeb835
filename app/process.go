package app

import (
	"log"
	"os"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/proc"
)

// setUpProcess sets up what go-zero has once for a process: log and what a
// signal does. It is for the process itself and not for tests, which run
// several Apps in one.
func setUpProcess(c Config) error {
	// One line of JSON each, all to standard error, without the lines of
	// statistics. Standard output is for what commands answer. What go-zero's
	// parts set up later is ignored, the first one counts.
	if err := logx.SetUp(logx.LogConf{Mode: "console", Encoding: "json", Level: c.Log.Level}); err != nil {
		return err
	}
	logx.SetWriter(logx.NewWriter(os.Stderr))
	if err := level.SetLevel(c.Log.Level); err != nil {
		return err
	}
	// What libraries would write by themselves is a line of it too; gRPC's own log is
	// go-zero's already.
	log.SetFlags(0)
	log.SetOutput(errorLog{})

	// At a signal go-zero would stop all of its servers at once after a second
	// and kill the process after 5.5 s. None of its servers runs here, and the
	// order and the grace are ours (see Run), so it is told to wait for longer
	// than a process takes to stop.
	never := 24 * time.Hour
	proc.Setup(proc.ShutdownConf{WrapUpTime: never, WaitTime: 2 * never})
	return nil
}
