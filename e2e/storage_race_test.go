package e2e

import (
	"fmt"
	"slices"
	"testing"

	"parley/pkg/fault"
)

// together sends n requests at the same moment and returns their answers.
func together(n int, send func(i int) *answer) []*answer {
	answers := make([]*answer, n)
	atOnce(n, func(i int) { answers[i] = send(i) })
	return answers
}

func TestOneOfManyGetsAKey(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		const crowd = 8
		people := make([]*client, crowd)
		for i := range people {
			people[i] = w.user()
		}
		for round := range 3 {
			o := inDtalk(fmt.Sprint("wanted/", round))
			answers := together(crowd, func(i int) *answer {
				if i%2 == 0 {
					return people[i].initiate(o)
				}
				return people[i].put(o, fmt.Append(nil, "of ", i))
			})
			winner := -1
			for i, a := range answers {
				switch {
				case a.Result == fault.Forbidden:
				case a.Result == fault.OK && winner < 0:
					winner = i
				default:
					t.Errorf("round %d: %d is answered with %d, after %d had the key", round, i, a.Result, winner)
				}
			}
			if winner < 0 {
				t.Fatalf("round %d: nobody got the key", round)
			}
			mine := people[winner].store(o, []byte("the winner's"))
			people[(winner+1)%crowd].put(o, []byte("x")).want(t, fault.Forbidden)
			holds(t, mine.URL, []byte("the winner's"))
		}
	})
}

func TestCompletingAtOnceMakesOneObject(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		for round := range 3 {
			o := inDtalk(fmt.Sprint("completed/", round))
			upload := alice.begin(o)
			first, last := blob(k.minPart, 20), []byte("the last")
			list := alice.inParts(o, upload, first, last)
			var at location
			for _, a := range together(6, func(int) *answer { return alice.complete(o, upload, list) }) {
				var l location
				if a.want(t, fault.OK).into(t, &l); at == (location{}) {
					at = l
				}
				if l != at {
					t.Errorf("one completion says %v, another %v", at, l)
				}
			}
			holds(t, at.URL, slices.Concat(first, last))
		}
	})
}

// Whoever comes first, the other one is told the truth.
func TestCompletingAndAbortingAtOnceEndInOneOfTheTwo(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		for round := range 6 {
			o := inDtalk(fmt.Sprint("either/", round))
			upload := alice.begin(o)
			list := alice.inParts(o, upload, []byte("whole"))
			answers := together(2, func(i int) *answer {
				if i == 0 {
					return alice.complete(o, upload, list)
				}
				return alice.abort(o, upload)
			})
			answers[1].want(t, fault.OK)
			at := hostOf(alice, "") + "/" + o.key
			if answers[0].Result == fault.OK {
				holds(t, at, []byte("whole"))
				continue
			}
			// A server may have dropped some of the parts when the list comes.
			if got := answers[0].Result; got != fault.NotFound && got != fault.BadRequest {
				t.Errorf("what was aborted is completed with %d", got)
			}
			isGone(t, at)
		}
	})
}

func TestAnOwnerWhoWritesAtOnceLeavesOneOfHisFiles(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		o := inDtalk("mine")
		contents := make([][]byte, 6)
		for i := range contents {
			contents[i] = blob(300*kib+i, byte(i))
		}
		for _, a := range together(len(contents), func(i int) *answer { return alice.put(o, contents[i]) }) {
			a.want(t, fault.OK)
		}
		_, _, got := download(t, hostOf(alice, "")+"/mine")
		if !slices.ContainsFunc(contents, func(c []byte) bool { return slices.Equal(c, got) }) {
			t.Errorf("the object is %s, which nobody wrote", brief(got))
		}
	})
}
