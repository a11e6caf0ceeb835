package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"parley/pkg/fault"
)

// clock is a time that a test moves.
type clock struct{ nanos atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.set(at)
	return c
}

func (c *clock) now() time.Time   { return time.Unix(0, c.nanos.Load()) }
func (c *clock) set(at time.Time) { c.nanos.Store(at.UnixNano()) }

func TestOnlyWellFormedTokensPass(t *testing.T) {
	t.Parallel()
	signature, rest, _ := strings.Cut(vectorToken, "#")
	message, public, _ := strings.Cut(rest, "#")
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(raw []byte)) string {
		changed := append([]byte{}, raw...)
		change(changed)
		return base64.StdEncoding.EncodeToString(changed) + "#" + rest
	}
	other, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	order := strings.Repeat("\xff", 15) + "\xfe\xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41"

	verifier := NewVerifier(Config{Now: func() time.Time { return vectorTime }})
	for name, token := range map[string]string{
		"empty":                            "",
		"no separator":                     "token",
		"one separator":                    signature + "#" + message,
		"separators only":                  "##",
		"no signature":                     "#" + rest,
		"no key":                           signature + "#" + message + "#",
		"no message":                       signature + "##" + public,
		"signature without padding":        strings.TrimRight(signature, "=") + "#" + rest,
		"signature in URL base64":          strings.NewReplacer("+", "-", "/", "_").Replace(vectorNoWords),
		"signature with a line break":      signature[:44] + "\n" + signature[44:] + "#" + rest,
		"padding bits that are not zero":   strings.Replace(signature, "gE=", "gF=", 1) + "#" + rest,
		"signature of 64 bytes":            base64.StdEncoding.EncodeToString(raw[:64]) + "#" + rest,
		"signature of 66 bytes":            base64.StdEncoding.EncodeToString(append(append([]byte{}, raw...), 0)) + "#" + rest,
		"message changed":                  strings.Replace(vectorToken, "*dtalk", "*dtalk2", 1),
		"time changed":                     strings.Replace(vectorToken, "1655716335340", "1655716335341", 1),
		"message without a star":           signed(t, "1655716335340"),
		"time is empty":                    signed(t, "*x"),
		"time is no number":                signed(t, "yesterday*x"),
		"time has a sign":                  signed(t, "+1655716335340*x"),
		"time is negative":                 signed(t, "-1*x"),
		"time has a space":                 signed(t, " 1655716335340*x"),
		"time is hexadecimal":              signed(t, "0x1816f3f0bac*x"),
		"time does not fit 63 bits":        signed(t, "9223372036854775808*x"),
		"somebody else's key":              signature + "#" + message + "#" + other.PublicHex(),
		"key is not compressed":            signature + "#" + message + "#04" + strings.Repeat("ab", 64),
		"key with the other parity":        signature + "#" + message + "#03" + public[2:],
		"key is no hex":                    signature + "#" + message + "#" + strings.Repeat("zz", 33),
		"recovery id of the other key":     with(func(raw []byte) { raw[64] ^= 1 }),
		"recovery id of a large r":         with(func(raw []byte) { raw[64] |= 2 }),
		"recovery id 4":                    with(func(raw []byte) { raw[64] = 4 }),
		"recovery id 27, as Bitcoin sends": with(func(raw []byte) { raw[64] += 27 }),
		"r is zero":                        with(func(raw []byte) { clear(raw[:32]) }),
		"s is zero":                        with(func(raw []byte) { clear(raw[32:64]) }),
		"r is the order":                   with(func(raw []byte) { copy(raw[:32], order) }),
		"s is the order":                   with(func(raw []byte) { copy(raw[32:64], order) }),
		"s is high":                        with(highS),
		"one bit of r":                     with(func(raw []byte) { raw[7] ^= 0x10 }),
		"one bit of s":                     with(func(raw []byte) { raw[40] ^= 0x01 }),
		"longer than any token":            vectorKey(t).Token(vectorTime, strings.Repeat("x", MaxToken)),
	} {
		if uid, err := verifier.Verify(token); !errors.Is(err, fault.BadSignature) || uid != "" {
			t.Errorf("%s: got %q, %v; want an invalid signature", name, uid, err)
		}
	}
	if n := verifier.known.len(); n != 0 {
		t.Errorf("%d bad tokens are remembered", n)
	}
}

// signed returns a token whose signature over message is good.
func signed(t *testing.T, message string) string {
	t.Helper()
	key := vectorKey(t)
	return base64.StdEncoding.EncodeToString(key.sign(message)) + "#" + message + "#" + key.PublicHex()
}

// highS makes the second signature that every signature has: order minus s,
// with the recovery id of the negated point.
func highS(raw []byte) {
	var s secp256k1.ModNScalar
	s.SetByteSlice(raw[32:64])
	high := s.Negate().Bytes()
	copy(raw[32:64], high[:])
	raw[64] ^= 1
}

func TestThePublicKeyMayBeUpperCase(t *testing.T) {
	t.Parallel()
	verifier := NewVerifier(Config{Now: func() time.Time { return vectorTime }})
	token := strings.TrimSuffix(vectorToken, vectorPublic) + strings.ToUpper(vectorPublic)
	if uid, err := verifier.Verify(token); err != nil || uid != vectorUID {
		t.Errorf("got %q, %v", uid, err)
	}
}

func TestATokenIsGoodForTwoMinutesBothWays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		away time.Duration
		want error
	}{
		{0, nil},
		{120 * time.Second, nil},
		{-120 * time.Second, nil},
		{120*time.Second + time.Millisecond, fault.SignatureExpired},
		{-120*time.Second - time.Millisecond, fault.SignatureExpired},
		{50 * 365 * 24 * time.Hour, fault.SignatureExpired},
	} {
		verifier := NewVerifier(Config{Now: func() time.Time { return vectorTime.Add(row.away) }})
		if _, err := verifier.Verify(vectorToken); !errors.Is(err, row.want) {
			t.Errorf("%v after signing: %v, want %v", row.away, err, row.want)
		}
	}
	verifier := NewVerifier(Config{Now: func() time.Time { return vectorTime }})
	if _, err := verifier.Verify(signed(t, "9223372036854775807*x")); !errors.Is(err, fault.SignatureExpired) {
		t.Errorf("a token of the farthest future: %v, want expired", err)
	}
}

func TestAFalseSignatureIsToldBeforeAWrongTime(t *testing.T) {
	t.Parallel()
	verifier := NewVerifier(Config{})
	if _, err := verifier.Verify(strings.Replace(vectorToken, "*dtalk", "*", 1)); !errors.Is(err, fault.BadSignature) {
		t.Errorf("an old false token: %v, want an invalid signature", err)
	}
	if _, err := verifier.Verify(vectorToken); !errors.Is(err, fault.SignatureExpired) {
		t.Errorf("an old good token: %v, want an expired signature", err)
	}
}

func TestTheWindowIsConfigured(t *testing.T) {
	t.Parallel()
	verifier := NewVerifier(Config{Window: time.Second, Now: func() time.Time { return vectorTime.Add(2 * time.Second) }})
	if _, err := verifier.Verify(vectorToken); !errors.Is(err, fault.SignatureExpired) {
		t.Errorf("2 s after signing, with a window of 1 s: %v", err)
	}
}

func TestARememberedTokenExpiresAllTheSame(t *testing.T) {
	t.Parallel()
	now := newClock(vectorTime)
	verifier := NewVerifier(Config{Now: now.now})
	for range 2 {
		if _, err := verifier.Verify(vectorToken); err != nil {
			t.Fatal(err)
		}
	}
	if n := verifier.known.len(); n != 1 {
		t.Fatalf("%d tokens are remembered, want 1", n)
	}
	for _, away := range []time.Duration{121 * time.Second, -121 * time.Second} {
		now.set(vectorTime.Add(away))
		if uid, err := verifier.Verify(vectorToken); !errors.Is(err, fault.SignatureExpired) || uid != "" {
			t.Errorf("%v after signing: %q, %v; want expired", away, uid, err)
		}
	}
}

func TestMemoryIsBoundedAndForgetsTheOldest(t *testing.T) {
	t.Parallel()
	const size = 2 * shards
	m := newMemory(size)
	for i := range 100 * size {
		m.add(digestOf(fmt.Sprint(i)), verified{vectorUID, vectorTime}, time.Time{})
		if _, ok := m.find(digestOf(fmt.Sprint(i))); !ok {
			t.Fatalf("token %d is forgotten at once", i)
		}
	}
	if n := m.len(); n != size {
		t.Errorf("%d tokens are remembered, want %d", n, size)
	}
	if _, ok := m.find(digestOf("0")); ok {
		t.Error("the oldest token is still there")
	}
}

func TestMemoryDropsWhatHasExpired(t *testing.T) {
	t.Parallel()
	m := newMemory(1 << 10)
	dead := vectorTime.Add(time.Second)
	for i := range 500 {
		m.add(digestOf(fmt.Sprint("old", i)), verified{vectorUID, vectorTime}, time.Time{})
	}
	for i := range 500 {
		m.add(digestOf(fmt.Sprint("new", i)), verified{vectorUID, dead}, dead)
	}
	if n := m.len(); n != 500 {
		t.Errorf("%d tokens are remembered, want the 500 that live", n)
	}
}

func TestManyGoroutinesVerifyAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	verifier := NewVerifier(Config{Remember: shards, Now: func() time.Time { return now }})
	key := vectorKey(t)
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = key.Token(now, fmt.Sprint(i))
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				for _, token := range tokens {
					if uid, err := verifier.Verify(token); err != nil || uid != vectorUID {
						t.Errorf("got %q, %v", uid, err)
					}
				}
			}
		})
	}
	all.Wait()
}

// FuzzVerify: no input panics, and whatever passes was signed by the key in it.
func FuzzVerify(f *testing.F) {
	for _, seed := range []string{vectorToken, vectorNoWords, "", "#", "##", "a#1*#b", strings.Repeat("#", 300)} {
		f.Add(seed)
	}
	signature, _, _ := strings.Cut(vectorToken, "#")
	f.Add(signature + "#1655716335340*dtalk##" + vectorPublic)
	verifier := NewVerifier(Config{Now: func() time.Time { return vectorTime }})
	f.Fuzz(func(t *testing.T, token string) {
		uid, err := verifier.Verify(token)
		switch {
		case err != nil && uid != "":
			t.Errorf("%q is refused and yet names %q", token, uid)
		case errors.Is(err, fault.BadSignature), errors.Is(err, fault.SignatureExpired):
		case err != nil:
			t.Errorf("%q fails with the undocumented %v", token, err)
		case !strings.EqualFold(token, vectorToken) || uid != vectorUID:
			t.Errorf("%q passes as %q and nobody signed it", token, uid)
		}
	})
}

func BenchmarkVerifyKnown(b *testing.B) {
	now := time.Now()
	verifier := NewVerifier(Config{Now: func() time.Time { return now }})
	token := vectorKey(b).Token(now, "bench")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := verifier.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerifyNew(b *testing.B) {
	t, err := parse(vectorToken)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := t.verify(); err != nil {
			b.Fatal(err)
		}
	}
}
