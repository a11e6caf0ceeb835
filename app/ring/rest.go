package ring

import (
	"context"
	"time"

	"parley/app/client"
	"parley/pkg/id"
)

// session is a call as the REST API tells of it.
type session struct {
	TraceID  int64    `json:"traceId"`
	Kind     int32    `json:"RTCType"`
	Caller   string   `json:"caller"`
	Invitees []string `json:"invitees"`
	GroupID  string   `json:"groupId"`
	Timeout  int64    `json:"timeout"` // how long it rings, in milliseconds
}

// The kinds of a call.
const (
	audio = 1
	video = 2
)

// noGroup is the group of a private call.
const noGroup = "0"

// kind is the kind of a call in words.
func (s *session) kind() string {
	if s.Kind == video {
		return "video"
	}
	return "audio"
}

// where is the group of a call in words.
func (s *session) where() string {
	if s.GroupID == noGroup {
		return ""
	}
	return " in group " + s.GroupID
}

// rest are the routes of calls.
type rest struct{ client.REST }

func (r rest) start(ctx context.Context, to []id.UID, group id.GID, kind int32) (s session, err error) {
	err = r.ask(ctx, "/app/start-call", map[string]any{"invitees": to, "groupId": group.String(), "RTCType": kind}, &s)
	return s, err
}

func (r rest) check(ctx context.Context, trace int64) (s session, err error) {
	err = r.ask(ctx, "/app/check-call", map[string]any{"traceId": trace}, &s)
	return s, err
}

// accept returns the room. What else lets the user into it is a secret.
func (r rest) accept(ctx context.Context, trace int64) (room int32, err error) {
	var ticket struct {
		RoomID int32 `json:"roomId"`
	}
	err = r.ask(ctx, "/app/handle-call", map[string]any{"traceId": trace, "answer": true}, &ticket)
	return ticket.RoomID, err
}

// refuse rejects, cancels or hangs up.
func (r rest) refuse(ctx context.Context, trace int64) error {
	return r.ask(ctx, "/app/handle-call", map[string]any{"traceId": trace, "answer": false}, new(struct{}))
}

func (r rest) busy(ctx context.Context, trace int64) error {
	return r.ask(ctx, "/app/reply-busy", map[string]any{"traceId": trace}, new(struct{}))
}

const (
	// maxTries is how often a request is sent that has no answer for good, and
	// tryEvery the pause between two tries.
	maxTries = 5
	tryEvery = time.Second
)

// ask sends a request until there is an answer for good. All routes of calls may
// be asked again. An interrupt ends no request that is on its way, as it would
// not be known what has come of it.
func (r rest) ask(ctx context.Context, path string, body, data any) error {
	for n := 1; ; n++ {
		err := r.JSON(context.WithoutCancel(ctx), path, body, data)
		if err == nil || client.Final(err) || n == maxTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(tryEvery):
		}
	}
}
