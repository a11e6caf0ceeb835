package auth

import (
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Config is how strict a Verifier is and how much it remembers. Zero values
// stand for the defaults.
type Config struct {
	// Window is how far a token's time may lie in the past or in the future.
	// Default 120 s.
	Window time.Duration
	// Remember is how many verified tokens are kept, some 150 bytes each.
	// Default 65,536.
	Remember int
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

const (
	defaultWindow   = 120 * time.Second
	defaultRemember = 1 << 16
)

// Verifier judges tokens. A signature costs about 0.1 ms of CPU and clients
// use a token for many requests, so a Verifier remembers the tokens that it
// found good. A bad one is not remembered: that would let strangers push the
// good ones out. A Verifier may be used by any number of goroutines.
type Verifier struct {
	window time.Duration
	now    func() time.Time
	known  *memory
}

// NewVerifier returns a Verifier that follows c.
func NewVerifier(c Config) *Verifier {
	if c.Window <= 0 {
		c.Window = defaultWindow
	}
	if c.Remember <= 0 {
		c.Remember = defaultRemember
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Verifier{window: c.Window, now: c.Now, known: newMemory(c.Remember)}
}

// Verify returns the uid of who signed token. A malformed or false token is
// fault.BadSignature; a good one from another time is fault.SignatureExpired.
// The checks run in the order shape, signature, time, so that only who holds
// the key learns that a token was too old.
func (v *Verifier) Verify(token string) (id.UID, error) {
	if len(token) > MaxToken {
		return "", fault.BadSignature
	}
	digest := digestOf(token)
	if known, ok := v.known.find(digest); ok {
		return v.inTime(known.uid, known.signedAt)
	}

	t, err := parse(token)
	if err != nil {
		return "", err
	}
	uid, err := t.verify()
	if err != nil {
		return "", err
	}
	if _, err := v.inTime(uid, t.signedAt); err != nil {
		return "", err
	}
	v.known.add(digest, verified{uid, t.signedAt}, v.now().Add(-v.window))
	return uid, nil
}

// inTime returns uid if signedAt is near enough to now. Remembered tokens pass
// through here too: remembering saves the signature, never the clock.
func (v *Verifier) inTime(uid id.UID, signedAt time.Time) (id.UID, error) {
	if age := v.now().Sub(signedAt); age > v.window || age < -v.window {
		return "", fault.SignatureExpired
	}
	return uid, nil
}
