package id

import (
	"slices"
	"strings"
	"testing"
)

func TestAUIDIsShortAndPlain(t *testing.T) {
	t.Parallel()
	for uid, want := range map[UID]bool{
		"1AqutxNoVTtcWiVYpBtvficAgea1dYTddR": true,
		"a":                                  true,
		"a-b_c.d9":                           true,
		UID(strings.Repeat("u", MaxUID)):     true,
		UID(strings.Repeat("u", MaxUID+1)):   false,
		"":                                   false,
		"a b":                                false,
		"a/b":                                false,
		"用户":                                 false,
		"a\x00b":                             false,
		"a\n":                                false,
		"a@b":                                false,
		"\xff\xfe":                           false,
	} {
		if got := uid.Valid(); got != want {
			t.Errorf("the uid %q is valid: %t, want %t", uid, got, want)
		}
	}
}

func TestAGIDIsAPositiveDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]GID{
		"1":                    1,
		"123821199217135616":   123821199217135616,
		"9223372036854775807":  1<<63 - 1,
		"9223372036854775808":  0,
		"99999999999999999999": 0,
		"":                     0,
		"0":                    0,
		"-1":                   0,
		"+1":                   0,
		"01":                   0,
		" 1":                   0,
		"1 ":                   0,
		"1e3":                  0,
		"0x1":                  0,
		"1_0":                  0,
	} {
		got, err := ParseGID(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("the group id %q reads as %d, %v; want %d", text, got, err, want)
		}
		if want != 0 && got.String() != text {
			t.Errorf("the group id %q is written as %q", text, got)
		}
	}
}

func TestUIDsBecomeTextsAndComeBack(t *testing.T) {
	t.Parallel()
	for _, uids := range [][]UID{{}, {"a"}, {"a", "not valid", "a"}} {
		if again := UIDs(Texts(uids)); !slices.Equal(again, uids) {
			t.Errorf("%q became %q", uids, again)
		}
	}
}
