package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/pkg/auth"
)

// parley runs a command and returns its exit code and what it printed.
func parley(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestAKeyMakesTokens(t *testing.T) {
	t.Parallel()
	code, printed, _ := parley(t, "key")
	if code != 0 {
		t.Fatalf("key exits with %d", code)
	}
	words := strings.Fields(printed)
	private, uid := words[2], words[len(words)-1]
	file := filepath.Join(t.TempDir(), "alice.key")
	if err := os.WriteFile(file, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{private, file} {
		code, token, errOut := parley(t, "token", "-key", key)
		if code != 0 {
			t.Errorf("token -key %s: %s", key, errOut)
		}
		if got, err := auth.NewVerifier(auth.Config{}).Verify(strings.TrimSpace(token)); err != nil || string(got) != uid {
			t.Errorf("the token of %s belongs to %q, %v", uid, got, err)
		}
	}
	c := command{env: map[string]string{keyVariable: private}}
	if key, err := c.findKey(""); err != nil || string(key.UID()) != uid {
		t.Errorf("the key in the environment is %v, %v", key, err)
	}
}

func TestWhatIsNoKey(t *testing.T) {
	t.Parallel()
	var c command
	if _, err := c.findKey(""); err == nil || !strings.Contains(err.Error(), "PARLEY_KEY") {
		t.Errorf("no key at all: %v", err)
	}
	if _, err := c.findKey(strings.Repeat("0", 64)); err == nil || strings.Contains(err.Error(), "0000") {
		t.Errorf("a key that is none: %v", err)
	}
	if _, err := c.findKey(write(t, "hello")); err == nil || !strings.Contains(err.Error(), "no private key") {
		t.Errorf("a file without a key: %v", err)
	}
	c.env = map[string]string{keyVariable: "nonsense"}
	if _, err := c.findKey(""); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("no key in the environment: %v", err)
	}
}

func TestTheTerminalNeedsTheFileOfAKey(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("12", 32)
	for as, want := range map[string]string{
		key:               "takes the file of a key, not the key",
		key[1:]:           "not a file that exists",
		write(t, "hello"): "no private key",
	} {
		for _, args := range [][]string{{"chat", "-to", "bob"}, {"call", "-to", "bob"}, {"put", "file"}} {
			code, out, errOut := parley(t, append(args, "-as", as)...)
			if code == 0 || out != "" || !strings.Contains(errOut, want) || strings.Contains(errOut, key[1:]) {
				t.Errorf("%v as %s: exit %d, %q, %q", args, as, code, out, errOut)
			}
		}
	}
}

func TestCommandsThatExist(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"help"}, "usage:"},
		{[]string{"-h"}, "usage:"},
		{[]string{"-version"}, "parley " + Version},
		{[]string{"config", "print"}, "# Folder of everything that Parley keeps itself"},
		{[]string{"config", "check"}, "the configuration is good"},
	} {
		if code, out, errOut := parley(t, row.args...); code != 0 || !strings.Contains(out, row.want) {
			t.Errorf("parley %v exits with %d and prints %q, %q", row.args, code, out, errOut)
		}
	}
}

func TestCallsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"start"}, {"-colour"}, {"-version", "now"}, {"config"}, {"config", "write"}, {"migrate", "down"}, {"log"}, {"log", "rotate"},
		{"log", "advance"}, {"log", "advance", "-to", "-1"}, {"log", "advance", "-to", "many"}, {"log", "advance", "9"}, {"key", "two"}, {"token", "-key"},
		{"backup"}, {"backup", "a.db", "b.db"}, {"import", "parley.db"},
		{"chat"}, {"chat", "-as", "alice.key"}, {"chat", "--as", "alice.key", "--to", "bob", "--group", "1"}, {"chat", "-to", "bob"},
		{"call"}, {"call", "-to", "bob"}, {"call", "-as", "alice.key", "-to", "bob,"}, {"call", "-as", "alice.key", "-to", "bob,cai"},
		{"call", "-as", "alice.key", "-group", "7"}, {"call", "-as", "alice.key", "-to", "bob", "-group", "0"}, {"call", "-as", "alice.key", "-video"},
		{"call", "-as", "alice.key", "-to", "bob", "-answer", "accept"}, {"call", "-as", "alice.key", "-to", "bob", "-once"},
		{"call", "-as", "alice.key", "-answer", "hangup"}, {"call", "-as", "alice.key", "now"}, {"call", "-as", strings.Repeat("1", 64)},
		{"put"}, {"put", "-as", "alice.key"}, {"put", "a.png"}, {"put", "-as", "alice.key", "a.png", "b.png"}, {"put", "a.png", "-as", "alice.key", "b.png"},
		{"put", "-as", "alice.key", "-part", "1MiB", "a.png"}, {"put", "-as", "alice.key", "-part", "much", "a.png"},
		{"put", "-as", "alice.key", "-parallel", "0", "a.png"}, {"put", "-as", "alice.key", "-parallel", "65", "a.png"},
		{"chat", "-as", "alice.key", "-to", "b b"}, {"chat", "-as", "alice.key", "-group", "0"}, {"chat", "-as", strings.Repeat("1", 64), "-to", "bob"},
	} {
		if code, _, errOut := parley(t, args...); code != 2 || !strings.Contains(errOut, "see parley help") {
			t.Errorf("parley %v exits with %d and says %q", args, code, errOut)
		}
	}
}

func TestAMistakeInTheConfigurationEndsTheCommand(t *testing.T) {
	t.Parallel()
	file := write(t, "Stop: {Grac: 3s}")
	for _, args := range [][]string{{"-config", file}, {"config", "check", "-config", file}, {"migrate", "-config", file}, {"log", "advance", "-to", "9", "-config", file}} {
		if code, _, errOut := parley(t, args...); code != 1 || !strings.Contains(errOut, "Stop.Grac") {
			t.Errorf("parley %v exits with %d and says %q", args, code, errOut)
		}
	}
}

func TestMigrateBringsTheSchemaUpToDate(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if code, out, errOut := parley(t, "migrate", "status", "-data", data); code != 0 || !strings.Contains(out, "not applied") {
		t.Errorf("the status of an empty database: exit %d, %q, %q", code, out, errOut)
	}
	for _, args := range [][]string{{"migrate", "-data", data}, {"migrate", "status", "-data", data}} {
		if code, out, errOut := parley(t, args...); code != 0 || strings.Contains(out, "not applied") || !strings.Contains(out, "applied") {
			t.Errorf("parley %v: exit %d, %q, %q", args, code, out, errOut)
		}
	}
}

func TestAnOperatorAdvancesTheLogAfterARestore(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, step := range []struct {
		to   string
		code int
		says string
	}{
		{"1000", 0, "the log was at 0 and is at 1000; the next logId is 1001\n"},
		{"1000", 0, "the log was at 1000 and is at 1000; the next logId is 1001\n"},
		{"999", 1, "parley: advance the log to 999: the log never goes back: it is at 1000\n"},
		{"9007199254740992", 1, "positions end at 9007199254740991"},
		{"1001", 0, "the log was at 1000 and is at 1001; the next logId is 1002\n"},
	} {
		code, out, errOut := parley(t, "log", "advance", "-to", step.to, "-data", data)
		if code != step.code || !strings.Contains(out+errOut, step.says) {
			t.Errorf("advance to %s: exit %d, %q, %q", step.to, code, out, errOut)
		}
	}
	folder, err := openFolder(data)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if code, _, errOut := parley(t, "log", "advance", "-to", "2000", "-data", data); code != 1 || !strings.Contains(errOut, "is used by another process") {
		t.Errorf("beside a running process: exit %d, %q", code, errOut)
	}
}

func TestAProcessRunsUntilItIsToldToStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // before it began: the shortest life
	var out, errOut bytes.Buffer
	if code := Main(ctx, []string{"-data", t.TempDir(), "-listen", "127.0.0.1:0"}, &out, &errOut); code != 0 {
		t.Errorf("it exits with %d and says %q", code, errOut.String())
	}
}
