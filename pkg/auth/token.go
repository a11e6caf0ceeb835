package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// MaxToken is the longest token in bytes that is looked at. A real one has
// about 180; the bound keeps a stranger from making us hash megabytes.
const MaxToken = 4096

const (
	signatureBytes = 65 // r, s and the recovery id
	compactMagic   = 27 + 4
)

// token is a token whose shape is right; nothing else is known of it yet.
type token struct {
	signature [signatureBytes]byte
	message   string
	public    [secp256k1.PubKeyBytesLenCompressed]byte
	signedAt  time.Time
}

// parse checks the shape of a token. The first and the last '#' split it,
// because the suffix may hold one.
func parse(s string) (token, error) {
	var t token
	first, last := strings.IndexByte(s, '#'), strings.LastIndexByte(s, '#')
	if len(s) > MaxToken || first == last {
		return t, fault.BadSignature
	}
	signature, message, public := s[:first], s[first+1:last], s[last+1:]

	// The encoded lengths are exact, which also keeps out the line breaks
	// that encoding/base64 would skip.
	if len(signature) != base64.StdEncoding.EncodedLen(signatureBytes) || len(public) != hex.EncodedLen(len(t.public)) {
		return t, fault.BadSignature
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) != signatureBytes {
		return t, fault.BadSignature
	}
	copy(t.signature[:], raw)
	if _, err := hex.Decode(t.public[:], []byte(public)); err != nil {
		return t, fault.BadSignature
	}

	millis, _, found := strings.Cut(message, "*")
	if !found {
		return t, fault.BadSignature
	}
	// An unsigned number of 63 bits: no sign, and it fits an int64.
	at, err := strconv.ParseUint(millis, 10, 63)
	if err != nil {
		return t, fault.BadSignature
	}
	t.message, t.signedAt = message, time.UnixMilli(int64(at))
	return t, nil
}

// verify checks the signature and returns the uid of who made it.
//
// It recovers the key that made the signature and compares it with the one in
// the token: that equals the check of (r, s) against the given key, and binds
// the recovery id too. A tampered signature may well recover *another* key
// without an error, hence the comparison. The library refuses r and s that are
// zero or not below the order; that s is low is checked here, because for each
// signature a second one with the high s would pass as well.
func (t *token) verify() (id.UID, error) {
	var s secp256k1.ModNScalar
	if overflow := s.SetByteSlice(t.signature[32:64]); overflow || s.IsOverHalfOrder() {
		return "", fault.BadSignature
	}
	recovery := t.signature[64]
	if recovery > 3 {
		return "", fault.BadSignature
	}
	compact := append([]byte{compactMagic + recovery}, t.signature[:64]...)
	digest := sha256.Sum256([]byte(t.message))
	public, _, err := ecdsa.RecoverCompact(compact, digest[:])
	if err != nil || !bytes.Equal(public.SerializeCompressed(), t.public[:]) {
		return "", fault.BadSignature
	}
	return uidOf(t.public[:]), nil
}
