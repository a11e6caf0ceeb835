package e2e

import (
	"encoding/base64"
	"strings"
	"syscall"
	"testing"

	"parley/pkg/fault"
)

// The log tells operators what happened, and nobody what was said or how to
// speak in somebody's name.
func TestTheLogHoldsNoTokenAndNoMessage(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_LOG_LEVEL=debug"}, "-data", t.TempDir())
	p.start()
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	const words = "the quick brown fox"
	m := text(string(bob.uid()), words)
	alice.send(m)
	alice.push(m).want(t, fault.OK)
	alice.push(to("no uid, but "+words)).want(t, fault.BadRequest)
	alice.upload("/record/push", "message", []byte(words)).want(t, fault.BadRequest)
	alice.request("POST", "/app/user/login?token="+words[4:9], "application/json", strings.NewReader(words)).want(t, fault.BadRequest)
	alice.post("/app/record/revoke", map[string]any{"logId": words}).want(t, fault.BadRequest)
	bob.sync(0, 10)
	bob.history(alice.uid(), 0, 10)
	g := alice.create("a name for members only", bob)
	alice.ask("name", g.ID, fields{"name": "another name for them", "publicName": "and one for all"}).want(t, fault.OK)
	bob.ask("member/name", g.ID, fields{"memberName": "bob to his friends"}).want(t, fault.OK)
	bob.ask("member/name", g.ID, fields{"memberName": 7, "more": "bob to his friends"}).want(t, fault.BadRequest)
	alice.send(groupText(g.ID, words))
	bob.ask("group-info", g.ID, nil).want(t, fault.OK)
	signature, _, _ := strings.Cut(alice.token(), "#")

	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d, want 0", code)
	}
	for _, path := range []string{"/record/push", "/record/push2", "/app/record/revoke", "/app/record/sync-record", "/group/app/create-group"} {
		if !p.log.has(`"` + path + `"`) {
			t.Errorf("the log does not tell of %s:\n%s", path, p.log.tail())
		}
	}
	for name, secret := range map[string]string{
		"the message":            words,
		"a word of it":           "quick",
		"the message in base64":  base64.StdEncoding.EncodeToString([]byte(words))[:16],
		"the signature":          signature,
		"the signature in a URL": strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(signature),
		"a secret key":           alice.key.Hex(),
		"the key of a group":     g.Key,
		"its first name":         "for members only",
		"its name":               "another name",
		"its public name":        "one for all",
		"the name of a member":   "to his friends",
	} {
		if p.log.has(secret) {
			t.Errorf("the log holds %s:\n%s", name, p.log.tail())
		}
	}
}
