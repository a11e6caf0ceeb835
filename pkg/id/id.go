// Package id has the types of the two names that everything in Parley hangs
// on: of a user and of a group. It knows their form, not whether they exist.
package id

import (
	"errors"
	"strconv"
)

// UID names a user: the address made from a public key (see pkg/auth), or any
// other text of the same form that a client may use as a target.
type UID string

// MaxUID is the longest uid in bytes.
const MaxUID = 64

// Valid reports whether u is 1 to 64 letters, digits, '-', '_' or '.'.
func (u UID) Valid() bool {
	if len(u) == 0 || len(u) > MaxUID {
		return false
	}
	for i := range len(u) {
		c := u[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// Texts returns uids as texts, for formats that know no uids.
func Texts(uids []UID) []string {
	list := make([]string, len(uids))
	for i, u := range uids {
		list[i] = string(u)
	}
	return list
}

// UIDs returns texts as uids, whether they are Valid or not.
func UIDs(texts []string) []UID {
	list := make([]UID, len(texts))
	for i, t := range texts {
		list[i] = UID(t)
	}
	return list
}

// GID names a group. It is positive and below 2^53, because clients keep ids
// in IEEE doubles.
type GID int64

// String returns g in decimal, the form that the wire uses as a target.
func (g GID) String() string { return strconv.FormatInt(int64(g), 10) }

var errGID = errors.New("a group id is a positive decimal int64")

// ParseGID reads a positive decimal int64 without sign, space or leading zero.
// It accepts ids above 2^53 too: such a group does not exist, but its id is
// well formed.
func ParseGID(s string) (GID, error) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, errGID
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errGID
	}
	return GID(n), nil
}
