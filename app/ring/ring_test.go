package ring

import (
	"bytes"
	"testing"

	"parley/app/client"
	"parley/pkg/id"
)

func TestACallThatRingsTooLongIsOver(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		call  *call
		waits bool // for a connection
		says  string
	}{
		"no call":                      {nil, false, ""},
		"a call that is talked in":     {&call{trace: 7, talking: true}, false, ""},
		"one without a connection yet": {&call{trace: 7}, true, ""},
	} {
		out := new(bytes.Buffer)
		r := &ring{state: state{call: row.call}, options: Options{Out: out}, link: new(client.Link)}
		r.expire(t.Context())
		if out.String() != row.says || (r.overdue != nil) != row.waits || r.call != row.call {
			t.Errorf("%s: it says %q and waits: %t", name, out, r.overdue != nil)
		}
	}
}

func TestWhatIsPrinted(t *testing.T) {
	t.Parallel()
	out := new(bytes.Buffer)
	r := &ring{options: Options{Out: out, Short: true}}
	r.say("")
	r.say("audio call from " + r.names([]string{"bob", "1AqutxNoVTtcWiVYpBtvficAgea1dYTddR"}) + (&session{GroupID: "7"}).where())
	r.say("a\x1b[2Jb" + (&session{GroupID: noGroup}).where())
	if want := "audio call from bob, 1Aqutx…TddR in group 7\na\\x1b[2Jb\n"; out.String() != want {
		t.Errorf("printed is %q, want %q", out, want)
	}
}

func TestWhoIsNotRung(t *testing.T) {
	t.Parallel()
	if left := without([]id.UID{"ann", "bob", "cai"}, []string{"bob"}); len(left) != 2 || left[0] != "ann" || left[1] != "cai" {
		t.Errorf("not rung are %v", left)
	}
}
