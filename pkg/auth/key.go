package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"parley/pkg/id"
)

// Key is a user's private key. It prints as its uid, whatever the verb, so
// that a key in a log line or in an error gives nothing away; Hex is the one
// way to the secret. The zero Key is nobody's and cannot sign.
type Key struct{ secret *secp256k1.PrivateKey }

var (
	_ fmt.Formatter  = Key{}
	_ fmt.Stringer   = Key{}
	_ fmt.GoStringer = Key{}
)

// errKey says what a private key looks like and never what was given instead.
var errKey = errors.New("a private key is 64 hex digits and lies between 1 and the order of secp256k1")

// NewKey makes a key from the system's random source.
func NewKey() (Key, error) {
	secret, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return Key{}, fmt.Errorf("generate a private key: %w", err)
	}
	return Key{secret}, nil
}

// ParseKey reads a key from the form that Hex writes.
func ParseKey(s string) (Key, error) {
	var raw [32]byte
	if len(s) != hex.EncodedLen(len(raw)) {
		return Key{}, errKey
	}
	if _, err := hex.Decode(raw[:], []byte(s)); err != nil {
		return Key{}, errKey
	}
	var scalar secp256k1.ModNScalar
	if overflow := scalar.SetBytes(&raw); overflow != 0 || scalar.IsZero() {
		return Key{}, errKey
	}
	return Key{secp256k1.NewPrivateKey(&scalar)}, nil
}

// Hex returns the secret.
func (k Key) Hex() string { return hex.EncodeToString(k.secret.Serialize()) }

// PublicHex returns the compressed public key as tokens carry it.
func (k Key) PublicHex() string { return hex.EncodeToString(k.public()) }

// UID returns the uid of the key's owner.
func (k Key) UID() id.UID { return uidOf(k.public()) }

// Token returns a token signed at now. The suffix may be any text; clients use
// it to tell their tokens apart.
func (k Key) Token(now time.Time, suffix string) string {
	message := strconv.FormatInt(now.UnixMilli(), 10) + "*" + suffix
	return base64.StdEncoding.EncodeToString(k.sign(message)) + "#" + message + "#" + k.PublicHex()
}

// sign returns r ‖ s ‖ recovery id over SHA-256 of message. The library writes
// the recovery id first and adds 27, and 4 for a compressed key.
func (k Key) sign(message string) []byte {
	digest := sha256.Sum256([]byte(message))
	compact := ecdsa.SignCompact(k.secret, digest[:], true)
	return append(compact[1:], compact[0]-compactMagic)
}

func (k Key) public() []byte { return k.secret.PubKey().SerializeCompressed() }

// String names the owner of the key, never the secret.
func (k Key) String() string {
	if k.secret == nil {
		return "no key"
	}
	return "key of " + string(k.UID())
}

// GoString is String: %#v would otherwise print the secret.
func (k Key) GoString() string { return k.String() }

// Format writes String for every verb: %x and %d would otherwise walk into the
// struct and print the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }
