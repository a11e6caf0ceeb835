package auth

import (
	"encoding/hex"
	"testing"
	"time"

	"parley/pkg/id"
)

// The vectors that existing clients agree on.
const (
	vectorSecret  = "fa884fd1b47d9e9e8dc19e47dc1a794a524ce5d4ee1b82ec92b1ffc1f109c2b6"
	vectorPublic  = "022db0e08669b30c5dab8c564b428db4944912144088943ec9b690a9046bc8f78b"
	vectorUID     = id.UID("1AqutxNoVTtcWiVYpBtvficAgea1dYTddR")
	vectorSigned  = "b358a084270887a76eed1a9c1ef34c3e47fab875ce50e3074509e1f4e2834b8312af78c34b3769d373e204a4f4b015b69c46e5f7721134b9d8950d2be0e8fdf800"
	vectorToken   = "wvqwTf3QI7i6efMe45JXYUdRBXpjMIW9W6XCPfV4Dwd8PUo9J1J7zLTbjRKxQ3GnRQ9C3RSWC0U8171fCmXD0gE=#1655716335340*dtalk#022db0e08669b30c5dab8c564b428db4944912144088943ec9b690a9046bc8f78b"
	vectorNoWords = "Y43MjZUdo+8PKQhO9i16RTF3clrh++aylv+R9dsE47d5KSmAT2blv8KulfwBdwKf0dEI5WzCaht1DjtdoeyX3gA=#1656302880000*#022db0e08669b30c5dab8c564b428db4944912144088943ec9b690a9046bc8f78b"
)

var (
	vectorTime        = time.UnixMilli(1655716335340)
	vectorNoWordsTime = time.UnixMilli(1656302880000)
)

func vectorKey(t testing.TB) Key {
	t.Helper()
	key, err := ParseKey(vectorSecret)
	if err != nil {
		t.Fatalf("the key of the vectors is not read: %v", err)
	}
	return key
}

func TestVectorsOfClients(t *testing.T) {
	t.Parallel()
	key := vectorKey(t)
	if got := key.PublicHex(); got != vectorPublic {
		t.Errorf("public key is %s, clients have %s", got, vectorPublic)
	}
	if got := key.UID(); got != vectorUID {
		t.Errorf("uid is %s, clients have %s", got, vectorUID)
	}
	if got := hex.EncodeToString(key.sign("hello world")); got != vectorSigned {
		t.Errorf("signature of %q is %s, clients have %s", "hello world", got, vectorSigned)
	}
	for _, vector := range []struct {
		token string
		at    time.Time
	}{{vectorToken, vectorTime}, {vectorNoWords, vectorNoWordsTime}} {
		verifier := NewVerifier(Config{Now: func() time.Time { return vector.at }})
		if uid, err := verifier.Verify(vector.token); err != nil || uid != vectorUID {
			t.Errorf("token %s is %q, %v; it belongs to %s", vector.token, uid, err, vectorUID)
		}
	}
}

func TestUIDOfAPublicKeyIsItsAddress(t *testing.T) {
	t.Parallel()
	public, err := hex.DecodeString("02cec0b297406fc5298e9fe829c9f6f96fa176a1bd1a7c55fa0d345a6f49b09d25")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := uidOf(public), id.UID("1P6nA29XTdhiajm435NuhmNda7Pnp4pvUG"); got != want {
		t.Errorf("uid is %s, clients have %s", got, want)
	}
}

func TestBase58ShowsLeadingZeros(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"": "", "\x00": "1", "\x00\x00\x01": "112", "\x39": "z", "\x3a": "21"} {
		if got := base58([]byte(raw)); got != want {
			t.Errorf("base58(%x) is %q, want %q", raw, got, want)
		}
	}
}
