package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/api"
	"parley/pkg/fault"
)

// Every route of groups, asked by everybody of a group in every state, answers
// as permissionRows says. What is refused leaves no trace in the log, and a
// change does.
func TestPermissionOfEveryoneInEveryGroup(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		pw := newPermissionWorld(t, w)
		for _, row := range permissionRows {
			t.Run(row.name(), func(t *testing.T) {
				for _, state := range permissionStates {
					pw.in(t).permissionLine(&row, state)
				}
			})
		}
	})
}

// permissionLine asks one thing of a group in one state, for everybody. A cell
// that changes the group has one of its own; the others share one, since they
// leave it as it is.
func (w *permissionWorld) permissionLine(row *permissionRow, state permissionState) {
	w.t.Helper()
	shared := w.newGroup(row, state, append([]string{permissionTarget}, permissionCallers...)...)
	for i, caller := range permissionCallers {
		want := row.codes[state.name][i]
		g := shared
		if row.changes && (want == fault.OK || want == fault.ApplicationPending) {
			g = w.newGroup(row, state, permissionTarget, caller)
		}
		a := g.request(caller, row)
		if a.status != http.StatusOK || a.Result != want {
			w.t.Errorf("%s in a %s group is answered %d %q with status %d, want %d %q", caller, state.name, a.Result, a.Message, a.status, want, want.Error())
		}
		heard, told := g.news(), row.changes && !row.silent && want == fault.OK
		if told != (len(heard) > 0) {
			w.t.Errorf("after the answer %d to %s in a %s group the owner hears %v", a.Result, caller, state.name, heard)
		}
		if wait, ok := row.waiting(state, want); ok && len(g.applications()) != wait {
			w.t.Errorf("after the answer %d to %s in a %s group the applications are %v, want %d of them", a.Result, caller, state.name, g.applications(), wait)
		}
	}
}

// waiting is how many applications wait after an answer, where that can be
// asked: of a group that lives and takes applications.
func (r *permissionRow) waiting(state permissionState, code fault.Code) (n int, ok bool) {
	switch {
	case r.joinType != 2 || state != permissionNormal && state != permissionSilenced:
		return 0, false
	case code == fault.ApplicationPending:
		return 1, true
	case r.applied && !(r.changes && code == fault.OK):
		return 1, true
	}
	return 0, true
}

func TestPermissionMatrixHasEveryCell(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, row := range permissionRows {
		if names[row.name()] {
			t.Errorf("two rows are for %s", row.name())
		}
		names[row.name()] = true
		if len(row.codes) != len(permissionStates) {
			t.Errorf("%s has answers for %d states, want %d", row.name(), len(row.codes), len(permissionStates))
		}
		for _, state := range permissionStates {
			codes := row.codes[state.name]
			if len(codes) != len(permissionCallers) {
				t.Errorf("%s in a %s group has answers for %d callers, want %d", row.name(), state.name, len(codes), len(permissionCallers))
			}
			for _, code := range codes {
				if !code.Known() {
					t.Errorf("%s in a %s group has the answer %d, which is no code", row.name(), state.name, code)
				}
			}
		}
	}
}

// The contract lists the routes that there are; a new one needs its row.
func TestPermissionMatrixHasEveryRouteOfGroups(t *testing.T) {
	t.Parallel()
	var contract struct{ Paths map[string]json.RawMessage }
	if err := json.Unmarshal(api.OpenAPI, &contract); err != nil {
		t.Fatal(err)
	}
	isOfGroups := func(path string) bool { return strings.HasPrefix(path, "/group/") }
	var routes, rows []string
	for path := range maps.Keys(contract.Paths) {
		if isOfGroups(path) {
			routes = append(routes, path)
		}
	}
	for _, row := range permissionRows {
		if isOfGroups(row.path) {
			rows = append(rows, row.path)
		}
	}
	slices.Sort(routes)
	slices.Sort(rows)
	if rows = slices.Compact(rows); !slices.Equal(routes, rows) {
		t.Errorf("the contract has the routes\n%v\nthe matrix has rows for\n%v", routes, rows)
	}
}
