package call

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	document       = "../../docs/calls.md"
	documentUpdate = "go test -tags no_k8s -run TestCallsAreDocumented ./app/call -args -update-calls"
)

var updateCalls = flag.Bool("update-calls", false, "write docs/calls.md anew")

// docs/calls.md is made of the table that is tested. To write it anew:
//
//	go test -tags no_k8s -run TestCallsAreDocumented ./app/call -args -update-calls
func TestCallsAreDocumented(t *testing.T) {
	want := callDocument()
	if *updateCalls {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/calls.md does not say what is tested; write it anew with\n\t%s", documentUpdate)
	}
}

const callIntroduction = `# What happens in a call

This page is for developers of apps: what the call routes answer in every state of a call, and who is told what. The media
pass elsewhere, in a room of Tencent's; this is about the way there.

It is made of the table of a test that brings every event about in every state (app/call/table_test.go). Do not edit it;
change the table and run

    %s

## States

A call is a session with a deadline, 60 s after its start by default, and a state for each of its parties: the caller and
those whom start-call rang, who are the ` + "`invitees`" + ` of its answer.

| state | the caller | somebody invited |
|---|---|---|
| rings | until somebody accepts | from the start, for as long as he can accept |
| talks | from the first acceptance | from his acceptance, on the device that accepted |
| over | at the end, or when he left | when he rejected, was busy or hung up, at the deadline, or at the end |

It never becomes less over: whoever is out of a call stays out, and is told nothing more of it. The call ends for everybody

- before anybody accepted: when it rings for nobody any more, or when the caller cancels,
- after that: when fewer than two are left that talk or ring.

## Events

| event | who brings it about |
|---|---|
| start | start-call. It rings for those who are not busy, and they get StartCall. |
| accept | handle-call with ` + "`answer`" + ` true, by somebody invited. On one device: the first. The caller cannot. |
| refuse | handle-call with ` + "`answer`" + ` false, by any party: the caller cancels, who is rung rejects, who talks hangs up. |
| decline | reply-busy, by somebody invited. |
| check | check-call, by any party. It changes nothing. |
| the deadline | the server, on its own clock. It is over for whom it still rings. A request after it finds that done. |

Starting or accepting a call is refusing every other call that one is in, and those signals come first. Whoever lost his
connection for more than 30 s while he talked hangs up when somebody else calls him.

## Who is told

| signal | to whom |
|---|---|
| StartCall | everybody who is rung, once |
| AcceptCall | the caller, at the first acceptance, with his own ticket. The ticket of who accepts is in his answer only. |
| StopCall | at most once to each party, and never to one who refused or declined: he knows. A client drops its call on any StopCall, so nobody gets one that does not end the call for him. |

Why, in StopCall:

| reason | the call ends because |
|---|---|
| Busy, Reject | the last one who was rung declined or rejected, and nobody had accepted: to the caller |
| Timeout | the deadline came: to everybody for whom it rang, and to the caller if nobody had accepted |
| Cancel | the caller cancelled, or there is nobody left to talk to: to whom it rings for |
| Hangup | there is nobody left to talk to: to who talks |

Everybody is told once, however many call services run and whichever of them dies, as long as Redis keeps its data. Where
it lost a session every route answers -1007, nobody is busy by it, and no StopCall comes.
`

const callLegend = `
## How to read the tables

There is one table for each state of the call; the last row is what the deadline does there. The columns are who asks:

| column | who he is |
|---|---|
| caller | who started the call, on any device |
| X | somebody invited, on the device that accepts if one does (its FZM-UUID) |
| X elsewhere | the same person on another device |
| X unknown | the same person on a device without FZM-UUID |
| Y | somebody else invited, in group calls |
| stranger | no party, also whoever was busy and therefore not rung |

A number is the ` + "`result`" + `; **ticket** is 0 with a new ticket, **same ticket** 0 with the one from before. Then comes who gets
which signal, in that order, and, where something changes, what the caller, X and Y do then. A call that is
unknown (or finished and forgotten after 24 h) is -1007 for everybody.
`

// callDocument writes the page.
func callDocument() string {
	var b strings.Builder
	fmt.Fprintf(&b, callIntroduction, documentUpdate)
	b.WriteString(callLegend)
	b.WriteString("\n## A private call\n")
	for _, x := range privateSituations {
		x.write(&b, privateColumns)
	}
	b.WriteString("\n## A group call of three\n\nWith more invited it is the same: who neither acts nor is X counts as Y does.\n")
	for _, x := range groupSituations {
		x.write(&b, columns)
	}
	b.WriteString("\n## Codes\n\n| code | what it means here |\n|---|---|\n" +
		"| -1007 | there is no such call |\n| -1019 | not for the caller, or not for who has no part in the call |\n" +
		"| -10101 | start-call: who is called is busy; accept: another device talks |\n| -10102 | it does not ring any more |\n")
	return b.String()
}

var columnTitles = map[string]string{
	"caller": "caller", "x1": "X", "x2": "X elsewhere", "x": "X unknown", "y1": "Y", "stranger": "stranger",
}

func (x situation) write(b *strings.Builder, columns []string) {
	fmt.Fprintf(b, "\n### %s\n\n| event", x.title())
	for _, column := range columns {
		b.WriteString(" | " + columnTitles[column])
	}
	b.WriteString(" |\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, row := range x.rows() {
		b.WriteString("| " + row.event)
		for cell := range strings.SplitSeq(row.cells, " | ") {
			b.WriteString(" | " + inWords(cell))
		}
		b.WriteString(" |\n")
	}
	if x.deadline != "" {
		fmt.Fprintf(b, "\nThe deadline: %s.\n", inWords(x.deadline))
	}
}

// title says what the parties do, such as "The caller and X talk, it rings for Y".
func (x situation) title() string {
	if strings.Trim(x.states, "o") == "" {
		return "Over"
	}
	title := "The caller waits, "
	if x.states[0] != 'r' {
		title = ""
	}
	does := make(map[rune][]string)
	for i, state := range x.states {
		if i > 0 || state != 'r' {
			does[state] = append(does[state], []string{"the caller", "X", "Y"}[i])
		}
	}
	var parts []string
	if talk := does['t']; len(talk) == 1 {
		parts = append(parts, talk[0]+" talks")
	} else if len(talk) > 1 {
		parts = append(parts, strings.Join(talk[:len(talk)-1], ", ")+" and "+talk[len(talk)-1]+" talk")
	}
	if rings := does['r']; len(rings) > 0 {
		parts = append(parts, "it rings for "+strings.Join(rings, " and "))
	}
	if over := does['o']; len(over) > 0 {
		parts = append(parts, "it is over for "+strings.Join(over, " and "))
	}
	title += strings.Join(parts, ", ")
	title = strings.ToUpper(title[:1]) + title[1:]
	if x.late {
		title += ", and the deadline has come"
	}
	return title
}

// inWords writes a cell for readers.
func inWords(cell string) string {
	var parts []string
	for word := range strings.FieldsSeq(cell) {
		who, what, signal := strings.Cut(word, ":")
		switch {
		case signal && what == "accept":
			parts = append(parts, "AcceptCall to the caller")
		case signal:
			to := map[string]string{"c": "the caller", "x": "X", "y": "Y"}[who]
			parts = append(parts, strings.ToUpper(what[:1])+what[1:]+" to "+to)
		case word == "0" || word == "ticket":
			parts = append(parts, "**"+word+"**")
		case word == "same":
			parts = append(parts, "**same ticket**")
		case strings.Trim(word, ">o") == "":
			parts = append(parts, "all over")
		case word[0] == '>':
			var states []string
			for _, state := range word[1:] {
				states = append(states, map[rune]string{'r': "rings", 't': "talks", 'o': "over"}[state])
			}
			parts = append(parts, "then "+strings.Join(states, ", "))
		default:
			parts = append(parts, word)
		}
	}
	return strings.Join(parts, "; ")
}
