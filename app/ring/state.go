package ring

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
)

// state is what a terminal knows of calls. Its methods are what may happen, and
// return the words for that; empty ones where there is nothing to say.
type state struct {
	// calls is whether the terminal calls; otherwise it waits to be called.
	calls bool
	call  *call // nil while there is none
	// heard is the call of which a signal told last, until it is looked at.
	// Earlier ones do not ring any more: nobody is rung by two at a time.
	heard int64
	// answered is whether a call of the terminal's own was ever accepted, and
	// ended counts the calls that are over.
	answered bool
	ended    int
}

// call is a call that rings or is talked in.
type call struct {
	trace   int64
	talking bool
}

// reasons are what ends a call, when somebody else ends it.
var reasons = map[wirev1.StopReason]string{
	wirev1.StopReason_STOP_REASON_BUSY:    "busy",
	wirev1.StopReason_STOP_REASON_TIMEOUT: "timed out",
	wirev1.StopReason_STOP_REASON_REJECT:  "rejected",
	wirev1.StopReason_STOP_REASON_HANGUP:  "hung up by the other side",
	wirev1.StopReason_STOP_REASON_CANCEL:  "cancelled",
}

// heed takes a signal.
func (s *state) heed(signal *wirev1.Signal) (says string) {
	switch signal.Type {
	case wirev1.SignalType_SIGNAL_TYPE_START_CALL:
		var m wirev1.SignalStartCall
		if proto.Unmarshal(signal.Body, &m) == nil && !s.calls && !s.in(m.TraceId) {
			s.heard = m.TraceId
		}
	case wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL:
		var m wirev1.SignalAcceptCall
		if proto.Unmarshal(signal.Body, &m) == nil && s.in(m.TraceId) && !s.call.talking {
			return s.accepted(m.RoomId)
		}
	case wirev1.SignalType_SIGNAL_TYPE_STOP_CALL:
		var m wirev1.SignalStopCall
		if proto.Unmarshal(signal.Body, &m) != nil {
			return ""
		}
		if s.heard == m.TraceId {
			s.heard = 0
		}
		if s.in(m.TraceId) {
			return s.over(reasons[m.Reason])
		}
	}
	return ""
}

// in reports whether that is the call.
func (s *state) in(trace int64) bool { return s.call != nil && s.call.trace == trace }

// accepted says that the call is talked in.
func (s *state) accepted(room int32) (says string) {
	s.call.talking = true
	s.answered = s.answered || s.calls
	return fmt.Sprintf("accepted: room %d", room)
}

// over says why there is no call any more.
func (s *state) over(why string) (says string) {
	s.call = nil
	s.ended++
	return why
}

// action is something that the user does about a call.
type action string

// The actions, as they are typed.
const (
	accept action = "accept"
	reject action = "reject"
	busy   action = "busy"
	hangUp action = "hangup"
)

// may are the actions that are possible now.
func (s *state) may() []action {
	switch {
	case s.call == nil:
		return nil
	case s.calls || s.call.talking:
		return []action{hangUp}
	}
	return []action{accept, reject, busy, hangUp}
}

// understand returns what a line means now, or why it means nothing.
func (s *state) understand(line string) (action, error) {
	may := s.may()
	switch a := action(strings.ToLower(strings.TrimSpace(line))); {
	case may == nil:
		return "", errNoCall
	case !slices.Contains(may, a):
		return "", fmt.Errorf("%q is not understood: type %s", line, list(may))
	default:
		return a, nil
	}
}

// did are the words for an action that ends the call.
func (s *state) did(a action) string {
	switch {
	case a == busy:
		return "busy"
	case s.call.talking:
		return "hung up"
	case s.calls:
		return "cancelled"
	}
	return "rejected"
}

// list is a choice in words.
func list(actions []action) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
