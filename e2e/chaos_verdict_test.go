package e2e

import (
	"slices"
	"strings"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// What is wrong in chaos is rare, so that the judge would find it is tried here.
func TestWhoJudgesCallsFindsWhatTheRulesDoNotAllow(t *testing.T) {
	t.Parallel()
	start := func(trace int64) toldOfCall { return toldOfCall{trace: trace, what: toldStart} }
	stop := func(trace int64, reason wirev1.StopReason) toldOfCall {
		return toldOfCall{trace: trace, what: toldStop, reason: reason}
	}
	const (
		cancel  = wirev1.StopReason_STOP_REASON_CANCEL
		reject  = wirev1.StopReason_STOP_REASON_REJECT
		timeout = wirev1.StopReason_STOP_REASON_TIMEOUT
	)
	refused := callAct{what: "refuse", trace: 1, code: fault.OK}
	for name, c := range map[string]struct {
		ann, ben []toldOfCall
		acts     []callAct // of ben
		wrong    string    // nothing if empty
	}{
		"cancelled":                    {ben: []toldOfCall{start(1), stop(1, cancel)}},
		"rejected":                     {ann: []toldOfCall{stop(1, reject)}, ben: []toldOfCall{start(1)}, acts: []callAct{refused}},
		"timed out":                    {ann: []toldOfCall{stop(1, timeout)}, ben: []toldOfCall{start(1), stop(1, timeout)}},
		"rung for ever":                {ann: []toldOfCall{stop(1, reject)}, ben: []toldOfCall{start(1)}, wrong: "never heard that it is over"},
		"timed out for one":            {ben: []toldOfCall{start(1), stop(1, timeout)}, wrong: "told of its end"},
		"ended for the caller only":    {ann: []toldOfCall{stop(1, timeout)}, ben: []toldOfCall{start(1)}, acts: []callAct{refused}, wrong: "told of its end"},
		"rung twice":                   {ben: []toldOfCall{start(1), start(1)}, acts: []callAct{refused}, wrong: "was told"},
		"ended twice":                  {ben: []toldOfCall{start(1), stop(1, cancel), stop(1, cancel)}, wrong: "was told"},
		"ended before it began":        {ben: []toldOfCall{stop(1, cancel), start(1)}, wrong: "was told"},
		"two callers":                  {ann: []toldOfCall{stop(1, timeout)}, ben: []toldOfCall{stop(1, timeout)}, wrong: "as if they were the caller"},
		"the caller is rung":           {ann: []toldOfCall{start(1), stop(1, cancel)}, wrong: "its caller was rung"},
		"nobody was told":              {wrong: "told of its end"},
		"ended after another one rang": {ben: []toldOfCall{start(1), start(2), stop(1, cancel), stop(2, cancel)}, wrong: "after he was rung by another one"},
		"a ticket for a stranger": {
			ann: []toldOfCall{stop(1, timeout)}, acts: []callAct{{what: "accept", trace: 1, code: fault.OK, ticket: ticket{RoomID: 7}}},
			wrong: "was rung: false, and accepting it was answered with 0",
		},
	} {
		k := &callers{wandering: &wandering{t: t}, placed: make(map[int64]placed)}
		ann, ben := &caller{client: newUser(t, site{})}, &caller{client: newUser(t, site{}), acts: c.acts}
		k.people = []*caller{ann, ben}
		k.placed[1] = placed{caller: ann}
		j := newJudgement(k)
		for p, all := range map[*caller][]toldOfCall{ann: c.ann, ben: c.ben} {
			for n, told := range all {
				told.logID = int64(n + 1)
				j.hear(p, told)
			}
		}
		found := j.wrong()
		if c.wrong == "" && len(found) > 0 || c.wrong != "" && !slices.ContainsFunc(found, func(what string) bool { return strings.Contains(what, c.wrong) }) {
			t.Errorf("%s: found is %q, want %q", name, found, c.wrong)
		}
	}
}
