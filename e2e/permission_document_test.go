package e2e

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
)

const (
	permissionFile   = "../docs/permissions.md"
	permissionUpdate = "go test -tags no_k8s -run TestPermissionsAreDocumented ./e2e -args -update-permissions"
)

var updatePermissions = flag.Bool("update-permissions", false, "write docs/permissions.md anew")

// docs/permissions.md is made of the same data as the tests. To write it anew:
//
//	go test -tags no_k8s -run TestPermissionsAreDocumented ./e2e -args -update-permissions
func TestPermissionsAreDocumented(t *testing.T) {
	t.Parallel()
	want := permissionDocument()
	if *updatePermissions {
		if err := os.WriteFile(permissionFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(permissionFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/permissions.md does not say what is tested; write it anew with\n\t%s", permissionUpdate)
	}
}

const permissionIntroduction = `# Who may do what in a group

This page is for developers of apps: what the server answers to whom. An app can hide what a user may not do, but need not
be right about it; the server decides, at the moment of the request.

It is made of the data of a test that sends every request on this page and compares every answer (e2e/permission_*_test.go).
Do not edit it; change the data and run

    %s

How to read it:

- Every number is the ` + "`result`" + ` of the answer. **0** is success; the others are explained [below](#codes).
- Unless it says otherwise, a route is under ` + "`/group/app/`" + `.
- Checks run in this order, and the first that fails answers: the token, the form of the request (-1012, which is not on this
  page), the group exists, it is neither blocked nor disbanded, the caller is in it, his role, those on whom he acts.
- What is refused changes nothing, and nobody hears of it. What succeeds is committed when the answer comes, and so are the
  signals and notices that tell the group. The exceptions tell nobody: a new ` + "`memberName`" + `, an application and its rejection,
  and whatever leaves things as they were.
- -10031 is half a success: the application is stored, once however often it is sent, and an admin or the owner answers it.

Callers:

| caller | who he is |
|---|---|
| no token | nobody knows; the header FZM-SIGNATURE is missing |
| outsider | was never in the group |
| left | was in the group and went with group-exit |
| removed | was in the group and was removed by the owner |
| muted | a member who is muted himself and has no other role |
| member | ` + "`memberType`" + ` 0 |
| admin | ` + "`memberType`" + ` 1 |
| owner | ` + "`memberType`" + ` 2 |
`

// permissionDocument writes the page.
func permissionDocument() string {
	var b strings.Builder
	fmt.Fprintf(&b, permissionIntroduction, permissionUpdate)
	b.WriteString("\n## Every route, by the state of the group\n\n" +
		"Where a route acts on somebody, he is another plain member here; for others see [below](#on-whom).\n" +
		"Every value that is set differs from the one before.\n")
	for _, state := range permissionStates {
		fmt.Fprintf(&b, "\n### %s\n\n%s", state.title, state.meaning)
		permissionStateTable(&b, state)
	}
	b.WriteString("\n## On whom\n\nRoutes that act on somebody, in a normal group. " +
		"*0, nothing* is success that changes nothing: he is skipped, or is already what he is to become.\n")
	for _, row := range permissionTargetRows {
		fmt.Fprintf(&b, "\n### %s\n\n", permissionTitle(row.path, row.way))
		permissionTable(&b, "caller \\ target", permissionTargetTitles)
		for _, actor := range permissionActors {
			cells := make([]string, len(permissionTargets))
			for i, o := range row.outcomes[actor] {
				cells[i] = permissionCell(o)
			}
			permissionTableRow(&b, actor, cells)
		}
	}
	b.WriteString("\n## Codes\n\nThe text of an answer is Chinese unless the request's Accept-Language prefers English.\n\n")
	permissionTable(&b, "code", []string{"text", "in English"})
	for _, code := range permissionUsedCodes() {
		permissionTableRow(&b, fmt.Sprint(int32(code)), []string{code.Text(false), code.Text(true)})
	}
	return b.String()
}

// permissionStateTable writes what is answered in a state. Most of it is either
// the same for all routes or the same as in a normal group; what is to be seen
// is the rest.
func permissionStateTable(b *strings.Builder, state permissionState) {
	lines := make(map[string]int)
	asNormal := 0
	for _, row := range permissionRows {
		lines[permissionLineOf(row.codes[state.name])]++
		if slices.Equal(row.codes[state.name], row.codes[permissionNormal.name]) {
			asNormal++
		}
	}
	usual := ""
	for line, n := range lines {
		if n > len(permissionRows)/2 {
			usual = line
		}
	}
	likeNormal := state != permissionNormal && asNormal > len(permissionRows)/2
	if likeNormal {
		b.WriteString(" What is not in the table is answered as in a normal group.")
	}
	b.WriteString("\n\n")
	permissionTable(b, "route", permissionCallers)
	for _, row := range permissionRows {
		codes := row.codes[state.name]
		line := permissionLineOf(codes)
		if line != usual && !(likeNormal && slices.Equal(codes, row.codes[permissionNormal.name])) {
			fmt.Fprintf(b, "| %s | %s |\n", permissionTitle(row.path, row.way), line)
		}
	}
	if usual != "" {
		fmt.Fprintf(b, "| every other route | %s |\n", usual)
	}
}

// permissionLineOf writes codes as cells.
func permissionLineOf(codes []fault.Code) string {
	cells := make([]string, len(codes))
	for i, code := range codes {
		cells[i] = permissionCell(permissionOutcome(code))
	}
	return strings.Join(cells, " | ")
}

// permissionTitle names a row for readers.
func permissionTitle(path, way string) string {
	title := "`" + strings.TrimPrefix(path, "/group/app/") + "`"
	if way != "" {
		title += ", " + way
	}
	return title
}

func permissionTable(b *strings.Builder, corner string, columns []string) {
	permissionTableRow(b, corner, columns)
	b.WriteString("|---" + strings.Repeat("|---", len(columns)) + "|\n")
}

func permissionTableRow(b *strings.Builder, title string, cells []string) {
	fmt.Fprintf(b, "| %s | %s |\n", title, strings.Join(cells, " | "))
}

func permissionCell(o permissionOutcome) string {
	switch o {
	case 0:
		return "**0**"
	case permissionIdle:
		return "0, nothing"
	case permissionNever:
		return "–"
	}
	return fmt.Sprint(int32(o))
}

// permissionUsedCodes are the codes on the page, from 0 down.
func permissionUsedCodes() []fault.Code {
	var codes []fault.Code
	for _, row := range permissionRows {
		for _, state := range permissionStates {
			codes = append(codes, row.codes[state.name]...)
		}
	}
	for _, row := range permissionTargetRows {
		for _, actor := range permissionActors {
			for _, o := range row.outcomes[actor] {
				if o != permissionNever {
					codes = append(codes, o.code())
				}
			}
		}
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	slices.Reverse(codes)
	return codes
}
