package bind

import (
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Group chooses between the two ways in which clients name a group: the text,
// when given, wins over the number. One client sends only the one, another
// only the other.
func Group(number int64, text string) (id.GID, error) { return choose("id", number, text) }

// Trace does for calls what Group does for groups.
func Trace(number int64, text string) (int64, error) {
	gid, err := choose("traceId", number, text)
	return int64(gid), err
}

// Application does for applications what Group does for groups.
func Application(number int64, text string) (int64, error) {
	gid, err := choose("applicationId", number, text)
	return int64(gid), err
}

// choose returns the id in text, or else in number. All kinds of ids have the
// same form, so it uses that of a group.
func choose(field string, number int64, text string) (id.GID, error) {
	if text != "" {
		chosen, err := id.ParseGID(text)
		if err != nil {
			return 0, fault.Invalid(field+"Str", "must be a positive whole number")
		}
		return chosen, nil
	}
	if number <= 0 {
		return 0, fault.Invalid(field, "must be a positive whole number")
	}
	return id.GID(number), nil
}
