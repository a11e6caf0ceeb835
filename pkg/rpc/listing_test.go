package rpc

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

func TestServersAreBelievedInWhenEtcdHasLostThem(t *testing.T) {
	t.Parallel()
	type entries = map[string]string
	none := entries{}
	a, ab, abc := entries{"a": "1"}, entries{"a": "1", "b": "2"}, entries{"a": "1", "b": "2", "c": "3"}
	ac := entries{"a": "1", "c": "3"}
	type step struct {
		says     entries
		revision int64
		want     entries
	}
	for name, steps := range map[string][]step{
		"one that goes is gone":                 {{abc, 9, abc}, {ab, 10, ab}},
		"none at all":                           {{ab, 9, ab}, {none, 1, ab}, {none, 1, ab}},
		"one after the other comes again":       {{abc, 9, abc}, {none, 1, abc}, {a, 2, abc}, {ab, 3, abc}, {abc, 4, abc}},
		"the loss is seen late":                 {{abc, 9, abc}, {a, 2, abc}, {ab, 3, abc}},
		"one that came again goes":              {{abc, 9, abc}, {none, 1, abc}, {ab, 3, abc}, {a, 4, ac}},
		"a loss after a loss":                   {{abc, 9, abc}, {a, 2, abc}, {ab, 1, abc}},
		"the last leaves and another one comes": {{a, 9, a}, {none, 10, a}, {entries{"b": "2"}, 11, ab}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l listing
			for i, s := range steps {
				if got := l.hear(s.says, s.revision); !maps.Equal(got, s.want) {
					t.Errorf("%s, step %d: believed is %v, want %v", name, i, got, s.want)
				}
			}
			last := steps[len(steps)-1]
			if len(last.says) == 0 {
				return // then there is nothing better to believe
			}
			time.Sleep((leaseSeconds + 1) * time.Second)
			if got := l.hear(last.says, last.revision); !maps.Equal(got, last.says) {
				t.Errorf("%s, a lease later: believed is %v, want %v", name, got, last.says)
			}
		})
	}
}
