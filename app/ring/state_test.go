package ring

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
)

func signal(kind wirev1.SignalType, body proto.Message) *wirev1.Signal {
	return &wirev1.Signal{Type: kind, Body: client.Encode(body)}
}

func started(trace int64) *wirev1.Signal {
	return signal(wirev1.SignalType_SIGNAL_TYPE_START_CALL, &wirev1.SignalStartCall{TraceId: trace})
}

func acceptedBy(trace int64, room int32) *wirev1.Signal {
	return signal(wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL, &wirev1.SignalAcceptCall{
		TraceId: trace, RoomId: room, UserSig: "a secret", PrivateMapKey: "a secret", SdkAppId: 1,
	})
}

func stopped(trace int64, reason wirev1.StopReason) *wirev1.Signal {
	return signal(wirev1.SignalType_SIGNAL_TYPE_STOP_CALL, &wirev1.SignalStopCall{TraceId: trace, Reason: reason})
}

func TestWhatSignalsOfCallsSay(t *testing.T) {
	t.Parallel()
	ringing, talking := call{trace: 7}, call{trace: 7, talking: true}
	for name, row := range map[string]struct {
		calls   bool
		call    *call
		signals []*wirev1.Signal
		says    []string
		heard   int64
		ended   int
	}{
		"a call":                               {signals: []*wirev1.Signal{started(7)}, says: []string{""}, heard: 7},
		"the later of two calls":               {signals: []*wirev1.Signal{started(7), started(8)}, says: []string{"", ""}, heard: 8},
		"a call that is over":                  {signals: []*wirev1.Signal{started(7), stopped(7, wirev1.StopReason_STOP_REASON_CANCEL)}, says: []string{"", ""}},
		"the end of an earlier call":           {signals: []*wirev1.Signal{started(7), stopped(6, wirev1.StopReason_STOP_REASON_CANCEL)}, says: []string{"", ""}, heard: 7},
		"the call that rings already":          {call: &ringing, signals: []*wirev1.Signal{started(7)}, says: []string{""}},
		"a call while it calls itself":         {calls: true, call: &ringing, signals: []*wirev1.Signal{started(8)}, says: []string{""}},
		"an acceptance":                        {calls: true, call: &ringing, signals: []*wirev1.Signal{acceptedBy(7, 99)}, says: []string{"accepted: room 99"}},
		"an acceptance again":                  {calls: true, call: &talking, signals: []*wirev1.Signal{acceptedBy(7, 99)}, says: []string{""}},
		"an acceptance that another one meant": {calls: true, call: &ringing, signals: []*wirev1.Signal{acceptedBy(8, 99)}, says: []string{""}},
		"a rejection":                          {calls: true, call: &ringing, signals: []*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_REJECT)}, says: []string{"rejected"}, ended: 1},
		"somebody busy":                        {calls: true, call: &ringing, signals: []*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_BUSY)}, says: []string{"busy"}, ended: 1},
		"nobody":                               {calls: true, call: &ringing, signals: []*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_TIMEOUT)}, says: []string{"timed out"}, ended: 1},
		"a cancelled call, twice":              {call: &ringing, signals: slices.Repeat([]*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_CANCEL)}, 2), says: []string{"cancelled", ""}, ended: 1},
		"the other side hangs up":              {call: &talking, signals: []*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_HANGUP)}, says: []string{"hung up by the other side"}, ended: 1},
		"a group that is renamed":              {signals: []*wirev1.Signal{signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_NAME, &wirev1.SignalUpdateGroupName{Group: 7})}, says: []string{""}},
	} {
		s := &state{calls: row.calls}
		if row.call != nil {
			s.call = &call{row.call.trace, row.call.talking}
		}
		var says []string
		for _, signal := range row.signals {
			says = append(says, s.heed(signal))
		}
		if !slices.Equal(says, row.says) || s.heard != row.heard || s.ended != row.ended {
			t.Errorf("%s: it says %q, heard of %d, %d ended, want %q, %d, %d", name, says, s.heard, s.ended, row.says, row.heard, row.ended)
		}
	}
}

func TestOnlyAnAcceptanceAnswersACall(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		signals []*wirev1.Signal
		want    error
	}{
		"accepted and hung up": {[]*wirev1.Signal{acceptedBy(7, 99), stopped(7, wirev1.StopReason_STOP_REASON_HANGUP)}, nil},
		"rejected":             {[]*wirev1.Signal{stopped(7, wirev1.StopReason_STOP_REASON_REJECT)}, errNotAnswered},
		"neither":              {nil, errNotAnswered},
	} {
		r := &ring{state: state{calls: true, call: &call{trace: 7}}}
		for _, signal := range row.signals {
			r.heed(signal)
		}
		if got := r.verdict(); got != row.want {
			t.Errorf("%s: the run comes to %v, want %v", name, got, row.want)
		}
	}
	waits := &ring{state: state{ended: 1}}
	if got := waits.verdict(); got != nil {
		t.Errorf("waiting for calls comes to %v", got)
	}
}

func TestWhatMayBeTyped(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		calls, rings, talks bool
		line                string
		want                action
		says                string // the error, or what was done
	}{
		{line: "accept", says: "there is no call"},
		{rings: true, line: "accept", want: accept},
		{rings: true, line: " Reject\t", want: reject, says: "rejected"},
		{rings: true, line: "busy", want: busy, says: "busy"},
		{rings: true, line: "hangup", want: hangUp, says: "rejected"},
		{rings: true, line: "yes", says: `"yes" is not understood: type accept, reject, busy or hangup`},
		{talks: true, line: "hangup", want: hangUp, says: "hung up"},
		{talks: true, line: "accept", says: `"accept" is not understood: type hangup`},
		{calls: true, rings: true, line: "hangup", want: hangUp, says: "cancelled"},
		{calls: true, rings: true, line: "accept", says: `"accept" is not understood: type hangup`},
		{calls: true, talks: true, line: "HANGUP", want: hangUp, says: "hung up"},
	} {
		s := &state{calls: row.calls}
		if row.rings || row.talks {
			s.call = &call{trace: 7, talking: row.talks}
		}
		got, err := s.understand(row.line)
		says := row.says
		switch {
		case err != nil:
			says = err.Error()
		case got != accept:
			says = s.did(got)
		}
		if got != row.want || says != row.says {
			t.Errorf("%q in %+v is %q, %q, want %q, %q", row.line, s, got, says, row.want, row.says)
		}
	}
}
