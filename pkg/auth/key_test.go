package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestANewKeyIsReadBackFromItsHex(t *testing.T) {
	t.Parallel()
	made, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseKey(made.Hex())
	if err != nil || read.UID() != made.UID() {
		t.Errorf("key reads back as %v, %v; it was %v", read, err, made)
	}
	if !made.UID().Valid() {
		t.Errorf("uid %q has not the form of a uid", made.UID())
	}
}

func TestWhatIsNoPrivateKey(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"nothing":     "",
		"too short":   vectorSecret[2:],
		"too long":    vectorSecret + "00",
		"no hex":      strings.Repeat("zz", 32),
		"zero":        strings.Repeat("00", 32),
		"the order":   "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		"above order": strings.Repeat("ff", 32),
	} {
		_, err := ParseKey(s)
		if !errors.Is(err, errKey) {
			t.Errorf("%s is taken for a key: %v", name, err)
		}
		if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error about %s repeats what may be a secret: %v", name, err)
		}
	}
}

func TestAKeyNeverPrintsItsSecret(t *testing.T) {
	t.Parallel()
	key := vectorKey(t)
	asJSON, err := json.Marshal(struct{ Key Key }{key})
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{string(asJSON), key.String(), key.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		printed = append(printed, fmt.Sprintf(verb, key), fmt.Sprintf(verb, &key), fmt.Sprintf(verb, []Key{key}))
	}
	for _, text := range printed {
		if strings.Contains(strings.ToLower(text), vectorSecret[:16]) {
			t.Errorf("%q shows the secret", text)
		}
	}
	if got, want := fmt.Sprint(key), "key of "+string(vectorUID); got != want {
		t.Errorf("a key prints as %q, want %q", got, want)
	}
	if got := fmt.Sprint(Key{}); got != "no key" {
		t.Errorf("the zero key prints as %q", got)
	}
}

func TestTokensPassWhateverTheirSuffix(t *testing.T) {
	t.Parallel()
	key, now := vectorKey(t), vectorTime
	verifier := NewVerifier(Config{Now: func() time.Time { return now }})
	for _, suffix := range []string{"", "dtalk", "a#b", "##", "*", "a*b*c", "你好", " \r\n", strings.Repeat("x", 2000)} {
		if uid, err := verifier.Verify(key.Token(now, suffix)); err != nil || uid != key.UID() {
			t.Errorf("suffix %q: %q, %v", suffix, uid, err)
		}
	}
}
