package group

import (
	"math"
	"testing"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

const (
	// noon is a time: 2026-01-01T12:00:00Z.
	noon     = int64(1_767_268_800_000)
	second   = int64(1000)
	minute   = 60 * second
	tenYears = int64(315_360_000_000) // of 365 days
)

func TestAMuteTimeIsADurationOrAnEnd(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what     string
		muteTime int64
		want     sentence
		code     fault.Code
	}{
		{"nothing lifts a mute", 0, sentence{}, fault.OK},
		{"the shortest duration", 1, sentence{until: noon + 1, moving: true}, fault.OK},
		{"an hour", 60 * minute, sentence{until: noon + 60*minute, moving: true}, fault.OK},
		{"ten years are the longest duration", tenYears, sentence{until: noon + tenYears, moving: true}, fault.OK},
		{"a millisecond more is an end, in 1979", tenYears + 1, sentence{}, fault.BadRequest},
		{"an end that was", noon - 1, sentence{}, fault.BadRequest},
		{"an end that is now", noon, sentence{}, fault.BadRequest},
		{"the next end", noon + 1, sentence{until: noon + 1}, fault.OK},
		{"the last end", math.MaxInt64 - 1, sentence{until: math.MaxInt64 - 1}, fault.OK},
		{"for ever", math.MaxInt64, sentence{until: eventlog.Forever}, fault.OK},
		{"a negative one", -1, sentence{}, fault.BadRequest},
		{"the most negative one", math.MinInt64, sentence{}, fault.BadRequest},
	} {
		got, err := sentenceOf(row.muteTime, noon)
		wantRule(t, err, row.code, "%s: %d", row.what, row.muteTime)
		if got != row.want {
			t.Errorf("%s: %d means %+v, want %+v", row.what, row.muteTime, got, row.want)
		}
	}
}

// Not even on a machine whose clock begins in 1970.
func TestAMuteNeverEndsBeforeItBegins(t *testing.T) {
	t.Parallel()
	for _, now := range []int64{0, 1, tenYears, noon} {
		for _, muteTime := range []int64{1, minute, tenYears, tenYears + 1, noon, noon + 1, math.MaxInt64} {
			if s, err := sentenceOf(muteTime, now); err == nil && s.until <= now {
				t.Errorf("muteTime %d at %d ends at %d", muteTime, now, s.until)
			}
		}
	}
}

func TestWhatASentenceChanges(t *testing.T) {
	t.Parallel()
	forAnHour := sentence{until: noon + 60*minute, moving: true}
	forASecond := sentence{until: noon + second, moving: true}
	untilOne := sentence{until: noon + 60*minute}
	forEver := sentence{until: eventlog.Forever}
	lifted := sentence{}
	for _, row := range []struct {
		what string
		s    sentence
		end  int64 // of the member's mute before
		want bool
	}{
		{"an hour for one who is not muted", forAnHour, 0, true},
		{"an hour for one whose mute has ended", forAnHour, noon - minute, true},
		{"an hour for one whose mute ends now", forAnHour, noon, true},
		{"an hour for one whose mute ends at once", forAnHour, noon + 1, true},
		{"the same hour at the same moment", forAnHour, noon + 60*minute, false},
		{"the same hour again after a second", forAnHour, noon + 60*minute - second, false},
		{"the same hour again just within the minute", forAnHour, noon + 59*minute + 1, false},
		{"the same hour again after a minute", forAnHour, noon + 59*minute, true},
		{"an hour instead of a little more", forAnHour, noon + 60*minute + 1, true},
		{"an hour instead of two", forAnHour, noon + 120*minute, true},
		{"an hour instead of for ever", forAnHour, eventlog.Forever, true},

		{"a second for one who is not muted", forASecond, 0, true},
		{"a second for one whose mute ended a second ago", forASecond, noon - second, true},
		{"a second instead of half of one", forASecond, noon + second/2, false},
		{"a second instead of an hour", forASecond, noon + 60*minute, true},

		{"an end for one who is not muted", untilOne, 0, true},
		{"the same end", untilOne, noon + 60*minute, false},
		{"an end a millisecond later", untilOne, noon + 60*minute - 1, true},
		{"an end a millisecond earlier", untilOne, noon + 60*minute + 1, true},

		{"for ever for one who is not muted", forEver, 0, true},
		{"for ever instead of an hour", forEver, noon + 60*minute, true},
		{"for ever again", forEver, eventlog.Forever, false},

		{"lifting nothing", lifted, 0, false},
		{"lifting a mute that has ended", lifted, noon - 1, false},
		{"lifting a mute that ends now", lifted, noon, false},
		{"lifting a mute", lifted, noon + 1, true},
		{"lifting a mute of less than a minute", lifted, noon + second, true},
		{"lifting a mute for ever", lifted, eventlog.Forever, true},
	} {
		m := member("bo")
		m.MutedUntil = row.end
		if got := row.s.changes(m, noon); got != row.want {
			t.Errorf("%s: that it changes something is %t, want %t", row.what, got, row.want)
		}
	}
}

func TestAMuteLastsUntilItsEnd(t *testing.T) {
	t.Parallel()
	for until, want := range map[int64]int64{
		0:                0,
		noon - 1:         0,
		noon:             0,
		noon + 1:         noon + 1,
		eventlog.Forever: eventlog.Forever,
	} {
		m := Member{User: "bo", MutedUntil: until}
		if got := m.MuteEnd(noon); got != want {
			t.Errorf("a mute until %d ends at %d, want %d", until, got, want)
		}
	}
}
