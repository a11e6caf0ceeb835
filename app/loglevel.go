package app

import (
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/ops"
)

var logLevels = map[string]uint32{
	"debug": logx.DebugLevel, "info": logx.InfoLevel, "error": logx.ErrorLevel, "severe": logx.SevereLevel,
}

// level is that of the log of the process, which go-zero has once too.
var level logLevel

// logLevel changes the level of go-zero's log, and knows it, which that does not
// tell.
type logLevel struct{ name atomic.Value }

var _ ops.LogLevel = (*logLevel)(nil)

// Level implements ops.LogLevel.
func (l *logLevel) Level() string {
	name, _ := l.name.Load().(string)
	return name
}

// SetLevel implements ops.LogLevel.
func (l *logLevel) SetLevel(name string) error {
	number, ok := logLevels[name]
	if !ok {
		return fmt.Errorf("the level is %q and must be debug, info, error or severe", name)
	}
	logx.SetLevel(number)
	l.name.Store(name)
	return nil
}

// accessLog is where the lines about requests go, whose level is info: nowhere while
// the log has less.
type accessLog struct{ to io.Writer }

// Write implements io.Writer.
func (l accessLog) Write(lines []byte) (int, error) {
	if logLevels[level.Level()] > logx.InfoLevel {
		return len(lines), nil
	}
	return l.to.Write(lines)
}

// logged writes the error for which a process ends as a line of its log, which is all
// JSON. Whatever the level is, this has to be said.
func (c *command) logged(err error) error {
	if err == nil {
		return nil
	}
	line := json.NewEncoder(c.err)
	line.SetEscapeHTML(false)
	if line.Encode(map[string]string{
		"@timestamp": time.Now().Format("2006-01-02T15:04:05.000Z07:00"), "level": "error", "content": "parley: " + err.Error(),
	}) != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errLogged, err)
}
