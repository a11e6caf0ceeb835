package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/pkg/auth"
	"parley/pkg/fault"
)

// founder is somebody who makes a group.
type founder struct {
	t   *testing.T
	url string
	key auth.Key
}

func newFounder(t *testing.T, a *App) *founder {
	t.Helper()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &founder{t, a.URL(), key}
}

// ask sends a request to a route of groups, wants a result and decodes the data
// into dst.
func (f *founder) ask(route, body string, want fault.Code, dst any) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.url+"/group/app/"+route, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("FZM-SIGNATURE", f.key.Token(time.Now(), ""))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	envelope := struct {
		Result fault.Code
		Data   any
	}{Data: dst}
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil || envelope.Result != want {
		f.t.Fatalf("%s is answered with %d, %v, want %d", route, envelope.Result, err, want)
	}
}

// foundGroup is what a founder knows of his group.
type foundGroup struct {
	ID         int64
	MarkID     string
	Key        string
	CreateTime int64
}

func (f *founder) found(body string) (g foundGroup) {
	f.t.Helper()
	f.ask("create-group", body, fault.OK, &g)
	return g
}

// prints runs a command that has to succeed and wants it to print something.
func prints(t *testing.T, want string, args ...string) {
	t.Helper()
	if code, out, errOut := parley(t, args...); code != 0 || out != want {
		t.Errorf("parley %v exits with %d, says %q and prints\n%s, want\n%s", args, code, errOut, out, want)
	}
}

// refuses runs a command that has to fail and wants it to say why.
func refuses(t *testing.T, exit int, want string, args ...string) {
	t.Helper()
	if code, out, errOut := parley(t, args...); code != exit || out != "" || !strings.Contains(errOut, want) {
		t.Errorf("parley %v exits with %d, prints %q and says %q, want %d and %q", args, code, out, errOut, exit, want)
	}
}

// The command works beside the embedded process, which heeds it at once.
func TestAnOperatorBlocksAGroupBesideTheProcessThatServesIt(t *testing.T) {
	config := local(t)
	a := start(t, config, Options{})
	defer stop(t, a)
	alice := newFounder(t, a)
	g := alice.found(`{"name":"what only members know","memberIds":["bob","carol"]}`)
	alice.ask("name", fmt.Sprintf(`{"id":%d,"name":"","publicName":"Our \"Club\"\u001b[2J"}`, g.ID), fault.OK, nil)
	alice.ask("member/type", fmt.Sprintf(`{"id":%d,"memberId":"bob","memberType":1}`, g.ID), fault.OK, nil)
	alice.ask("member/muteTime", fmt.Sprintf(`{"id":%d,"memberIds":["carol"],"muteTime":9223372036854775807}`, g.ID), fault.OK, nil)
	id, body := fmt.Sprint(g.ID), fmt.Sprintf(`{"id":%d}`, g.ID)

	// Neither the key nor the name is in it.
	shown := func(status string) string {
		return fmt.Sprintf(`group        %d
mark id      %s
public name  "Our \"Club\"\x1b[2J"
status       %s
owner        %s
members      3 of 2000, 1 admins, 1 muted
join type    0
mute type    0
created      %s
`, g.ID, g.MarkID, status, alice.key.UID(), time.UnixMilli(g.CreateTime).UTC().Format(time.DateTime))
	}
	prints(t, shown("0 (normal)"), "group", "show", id, "-data", config.Data)
	alice.ask("group-info", body, fault.OK, nil)
	for range 2 { // twice is no error
		prints(t, shown("1 (blocked)"), "group", "block", id, "-data", config.Data)
		alice.ask("group-info", body, fault.GroupBlocked, nil)
	}
	prints(t, shown("1 (blocked)"), "group", "show", id, "-data", config.Data)
	for range 2 {
		prints(t, shown("0 (normal)"), "group", "unblock", id, "-data", config.Data)
		alice.ask("group-info", body, fault.OK, nil)
	}
}

func TestADisbandedGroupIsShownAndNeitherBlockedNorUnblocked(t *testing.T) {
	config := local(t)
	a := start(t, config, Options{})
	alice := newFounder(t, a)
	g := alice.found(`{"name":"friends"}`)
	alice.ask("group-disband", fmt.Sprintf(`{"id":%d}`, g.ID), fault.OK, nil)
	stop(t, a) // the command needs no process beside it

	id := fmt.Sprint(g.ID)
	for _, verb := range []string{"block", "unblock"} {
		refuses(t, 1, "group "+id+" was disbanded, which is for ever", "group", verb, id, "-data", config.Data)
	}
	code, out, errOut := parley(t, "group", "show", id, "-data", config.Data)
	for _, want := range []string{"status       2 (disbanded)\n", "owner        \n", "members      0 of 2000, 0 admins, 0 muted\n"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("a disbanded group is shown with exit code %d as\n%s%s, want %q in it", code, out, errOut, want)
		}
	}
}

func TestAGroupThatThereIsNot(t *testing.T) {
	config := local(t)
	stop(t, start(t, config, Options{}))
	for _, verb := range []string{"show", "block", "unblock"} {
		refuses(t, 1, "there is no group 7", "group", verb, "7", "-data", config.Data)
		refuses(t, 1, "there is no group 9223372036854775807", "group", verb, "9223372036854775807", "-data", config.Data)
	}
}

func TestWhatIsNoGroupCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"group"}, {"group", "list"}, {"group", "-data", "x"}} {
		refuses(t, 2, "block, unblock or show", args...)
	}
	for _, verb := range []string{"show", "block", "unblock"} {
		for _, name := range []string{"friends", "0", "-1", "1.5", "01", "9223372036854775808", ""} {
			refuses(t, 2, "takes the id of a group, a positive whole number", "group", verb, name)
		}
		refuses(t, 2, "takes the id of a group, a positive whole number", "group", verb)
		refuses(t, 2, "is not expected", "group", verb, "7", "8")
		refuses(t, 2, "see parley help", "group", verb, "7", "-listen", "127.0.0.1:0")
	}
}

// Who mistypes the data folder is told so, and gets no new one.
func TestAGroupCommandMakesNoDatabase(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	for _, verb := range []string{"show", "block", "unblock"} {
		refuses(t, 1, "no Parley has run on the data folder "+folder, "group", verb, "7", "-data", folder)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the command made the folder: %v", err)
	}
}

// A command that is told to stop does.
func TestAGroupCommandEndsWithItsContext(t *testing.T) {
	config := local(t)
	stop(t, start(t, config, Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut bytes.Buffer
	if code := Main(ctx, []string{"group", "block", "7", "-data", config.Data}, &out, &errOut); code != 1 || out.Len() > 0 {
		t.Errorf("it exits with %d and prints %q, %q", code, out.String(), errOut.String())
	}
}
