package group

import (
	"context"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// longestMute is the longest mute that is given as a duration, in milliseconds.
// Clients send durations; a larger number is the time when a mute ends.
const longestMute = int64(10 * 365 * 24 * time.Hour / time.Millisecond)

// repeatedWithin is how long after a mute the same one counts as a repeat, in
// milliseconds. Nothing in a request tells whether it is one, and a repeat must
// not move the end and tell everybody again. Who wants to mute for a minute more
// loses nothing.
const repeatedWithin = int64(time.Minute / time.Millisecond)

// sentence is what a request to mute asks for.
type sentence struct {
	until int64 // when the mute ends, in Unix milliseconds; 0 lifts it
	// moving says that until was counted from the time of the request, so that
	// a repeat of it asks for a later end.
	moving bool
}

// sentenceOf reads the muteTime of a request at a time.
func sentenceOf(muteTime, now int64) (sentence, error) {
	switch {
	case muteTime < 0:
		return sentence{}, fault.Invalid("muteTime", "must not be negative")
	case muteTime == 0, muteTime == eventlog.Forever:
		return sentence{until: muteTime}, nil
	case muteTime <= longestMute:
		return sentence{until: now + muteTime, moving: true}, nil
	case muteTime <= now:
		return sentence{}, fault.Invalid("muteTime", "is a time in the past")
	}
	return sentence{until: muteTime}, nil
}

// changes reports whether the sentence is news to a member.
func (s sentence) changes(m Member, now int64) bool {
	end := m.MuteEnd(now)
	if s.moving && end <= s.until && s.until-end < repeatedWithin {
		return false
	}
	return end != s.until
}

// Mute mutes users for a time or lifts their mute: those of them who are plain
// members. It returns these, each with the end of his mute.
func (s *Service) Mute(ctx context.Context, caller id.UID, g id.GID, users []id.UID, muteTime int64) (muted []Member, err error) {
	if users, err = checkUsers("memberIds", users); err != nil {
		return nil, err
	}
	want, err := sentenceOf(muteTime, s.now())
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, g, caller, Mute, users, func(c *change) error {
		muted = muted[:0]
		var news []Member
		for _, m := range c.people.present(users) {
			if !mutable(m) {
				continue
			}
			if want.changes(m, c.now) {
				m.MutedUntil = want.until
				news = append(news, m)
			}
			muted = append(muted, m)
		}
		if len(news) == 0 {
			return nil
		}
		if err := c.put(news...); err != nil {
			return err
		}
		who := uids(news)
		if err := c.tx.Mute(g, want.until, who...); err != nil {
			return err
		}
		c.tellMute(who, want.until)
		if want.until != 0 {
			c.noticeMute(who)
		}
		return nil
	})
	return muted, err
}
