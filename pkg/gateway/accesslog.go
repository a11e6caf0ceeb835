package gateway

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"sync"
	"time"
)

// accessLog writes a line of JSON for every request, in the form of go-zero's
// log. It does so by itself because logx takes longer for a line (18 µs, for
// maps, sorting and the caller) than everything else that the gateway does
// for a request. Lines are collected for a moment and written together: a
// system call for each would again be a third of the gateway's time. A process
// that is killed loses the lines of its last moment; errors are not among
// them, they go to logx at once.
type accessLog struct {
	to io.Writer

	mu    sync.Mutex
	lines []byte
	spare []byte // the other buffer, while lines is in use
	timer *time.Timer

	writing sync.Mutex
}

const (
	// logDelay is how long a line may wait for others.
	logDelay = 100 * time.Millisecond
	// logBatch is how many bytes are written together at the most, about.
	logBatch = 32 << 10
)

func newAccessLog(to io.Writer) *accessLog {
	l := &accessLog{to: to}
	l.timer = time.AfterFunc(logDelay, l.flush)
	l.timer.Stop()
	return l
}

func (l *accessLog) write(entry *line) {
	l.mu.Lock()
	first := len(l.lines) == 0
	l.lines = entry.append(l.lines)
	full := len(l.lines) >= logBatch
	l.mu.Unlock()
	switch {
	case full:
		// Whoever fills the buffer writes it; that also keeps requests from
		// running ahead of a log that is slow.
		l.flush()
	case first:
		l.timer.Reset(logDelay)
	}
}

// flush writes the lines that were collected so far.
func (l *accessLog) flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	lines := l.lines
	l.lines = l.spare[:0]
	l.mu.Unlock()
	if len(lines) > 0 {
		// There is nobody to tell that the log cannot be written.
		_, _ = l.to.Write(lines)
	}
	l.spare = lines
}

// line is what is said of a request. It has no header, no query and no body:
// those hold tokens and messages.
type line struct {
	method, path, uid string
	trace             [16]byte
	status, result    int
	at                time.Time
	took              time.Duration
}

// maxLoggedPath is how much of a path, which may be anything, goes to the log.
const maxLoggedPath = 200

func (e *line) append(b []byte) []byte {
	b = append(b, `{"@timestamp":"`...)
	b = e.at.AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, `","level":"info","content":"request","method":`...)
	b = appendText(b, e.method)
	b = append(b, `,"path":`...)
	b = appendText(b, e.path[:min(len(e.path), maxLoggedPath)])
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(e.status), 10)
	b = append(b, `,"result":`...)
	b = strconv.AppendInt(b, int64(e.result), 10)
	b = append(b, `,"ms":`...)
	b = strconv.AppendFloat(b, float64(e.took.Microseconds())/1000, 'f', 3, 64)
	b = append(b, `,"uid":`...)
	b = appendText(b, e.uid)
	b = append(b, `,"trace":"`...)
	b = hex.AppendEncode(b, e.trace[:])
	return append(b, "\"}\n"...)
}

// appendText appends text as a JSON string. Nearly every text is plain.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			// A string can always be encoded.
			quoted, _ := json.Marshal(text)
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
