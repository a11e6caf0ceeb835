package group

import (
	"fmt"
	"unicode/utf8"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// The longest texts in characters, and the longest list of users.
const (
	maxName       = 255
	maxAvatar     = 1000
	maxIntroduce  = 5000
	maxMemberName = 128
	maxUsers      = 5000
)

func checkText(field, text string, most int) error {
	if len(text) > most && utf8.RuneCountInString(text) > most {
		return fault.Invalid(field, "must have at most %d characters", most)
	}
	return nil
}

func checkUser(field string, u id.UID) error {
	if !u.Valid() {
		return fault.Invalid(field, "must be a uid")
	}
	return nil
}

// checkUsers checks a list of users and returns it without repeats.
func checkUsers(field string, users []id.UID) ([]id.UID, error) {
	if len(users) > maxUsers {
		return nil, fault.Invalid(field, "must have at most %d entries", maxUsers)
	}
	known := make(map[id.UID]bool, len(users))
	list := make([]id.UID, 0, len(users))
	for i, u := range users {
		if !u.Valid() {
			return nil, fault.Invalid(fmt.Sprintf("%s[%d]", field, i), "must be a uid")
		}
		if !known[u] {
			known[u] = true
			list = append(list, u)
		}
	}
	return list, nil
}
