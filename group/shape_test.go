package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/id"
)

func TestTextsAreBoundedByCharacters(t *testing.T) {
	t.Parallel()
	for _, character := range []string{"a", "é", "群", "🦜", "\xff"} {
		for n, want := range map[int]fault.Code{0: fault.OK, 1: fault.OK, maxName: fault.OK, maxName + 1: fault.BadRequest} {
			wantRule(t, checkText("name", strings.Repeat(character, n), maxName), want, "a text of %d times %q", n, character)
		}
	}
}

func TestTheLimitsAreThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string][2]int{
		"name":       {maxName, 255},
		"avatar":     {maxAvatar, 1000},
		"introduce":  {maxIntroduce, 5000},
		"memberName": {maxMemberName, 128},
		"a list":     {maxUsers, 5000},
		"uid":        {id.MaxUID, 64},
	} {
		if limit[0] != limit[1] {
			t.Errorf("%s is bounded by %d, want %d", name, limit[0], limit[1])
		}
	}
}

func TestADraftIsBoundedInEveryField(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("群", n) }
	for what, row := range map[string]struct {
		draft Draft
		want  fault.Code
	}{
		"nothing at all":           {Draft{}, fault.OK},
		"all that fits":            {Draft{Name: long(255), Avatar: long(1000), Introduce: long(5000), Users: many(5000)}, fault.OK},
		"a name too long":          {Draft{Name: long(256)}, fault.BadRequest},
		"an avatar too long":       {Draft{Avatar: long(1001)}, fault.BadRequest},
		"an introduction too long": {Draft{Introduce: long(5001)}, fault.BadRequest},
		"too many users":           {Draft{Users: many(5001)}, fault.BadRequest},
		"one who is no user":       {Draft{Users: []id.UID{"bo", ""}}, fault.BadRequest},
	} {
		_, err := row.draft.check("al")
		wantRule(t, err, row.want, "a draft with %s", what)
	}
}

func TestADraftLeavesOutItsOwnerAndRepeats(t *testing.T) {
	t.Parallel()
	d := Draft{Users: []id.UID{"cy", "al", "bo", "cy", "al", "bo", "Al"}}
	got, err := d.check("al")
	if want := []id.UID{"cy", "bo", "Al"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("beside al come %v, error %v, want %v", got, err, want)
	}
}

// many are n users, no two of them the same.
func many(n int) []id.UID {
	users := make([]id.UID, n)
	for i := range users {
		users[i] = id.UID(fmt.Sprint("user-", i))
	}
	return users
}

func TestUIDsHaveTheirForm(t *testing.T) {
	t.Parallel()
	for uid, want := range map[id.UID]fault.Code{
		"a":                                  fault.OK,
		"1AqutxNoVTtcWiVYpBtvficAgea1dYTddR": fault.OK,
		"a-b_c.9":                            fault.OK,
		"..":                                 fault.OK,
		id.UID(strings.Repeat("u", 64)):      fault.OK,
		id.UID(strings.Repeat("u", 65)):      fault.BadRequest,
		"":                                   fault.BadRequest,
		" a":                                 fault.BadRequest,
		"a b":                                fault.BadRequest,
		"a/b":                                fault.BadRequest,
		"a@b":                                fault.BadRequest,
		"群":                                  fault.BadRequest,
		"a\n":                                fault.BadRequest,
		"a\x00":                              fault.BadRequest,
		"\xff":                               fault.BadRequest,
	} {
		wantRule(t, checkUser("memberId", uid), want, "the uid %q", uid)
		_, err := checkUsers("memberIds", []id.UID{"bo", uid})
		wantRule(t, err, want, "a list with the uid %q", uid)
	}
}

func TestAListKeepsItsOrderWithoutRepeats(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ users, want []id.UID }{
		{nil, nil},
		{[]id.UID{"cy"}, []id.UID{"cy"}},
		{[]id.UID{"cy", "al", "bo"}, []id.UID{"cy", "al", "bo"}},
		{[]id.UID{"cy", "al", "cy", "bo", "al", "cy"}, []id.UID{"cy", "al", "bo"}},
		{[]id.UID{"cy", "CY", "cy."}, []id.UID{"cy", "CY", "cy."}},
	} {
		before := slices.Clone(row.users)
		got, err := checkUsers("memberIds", row.users)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%v becomes %v, error %v, want %v", row.users, got, err, row.want)
		}
		if !slices.Equal(row.users, before) {
			t.Errorf("the list of the request %v was changed to %v", before, row.users)
		}
	}
}

func TestAListIsBounded(t *testing.T) {
	t.Parallel()
	if got, err := checkUsers("memberIds", many(5000)); err != nil || len(got) != 5000 {
		t.Errorf("a list of 5000 users becomes one of %d, error %v", len(got), err)
	}
	_, err := checkUsers("memberIds", many(5001))
	wantRule(t, err, fault.BadRequest, "a list of 5001 users")
	// What is sent is counted, not what is left of it.
	_, err = checkUsers("memberIds", slices.Repeat([]id.UID{"bo"}, 5001))
	wantRule(t, err, fault.BadRequest, "a list of one user 5001 times")
}

func TestTheWrongEntryOfAListIsNamed(t *testing.T) {
	t.Parallel()
	_, err := checkUsers("memberIds", []id.UID{"al", "bo", "c y"})
	if err == nil || !strings.Contains(err.Error(), "memberIds[2]") {
		t.Errorf("the error is %v, want it to name memberIds[2]", err)
	}
}
