package tencent

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"parley/pkg/id"
)

const (
	appID  = 1400000001
	secret = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	room   = 2147483647
)

// users are as short and as long as uids get; the vendor documents 32 bytes.
var users = []id.UID{"a", "1PtUbJXbkjMLyrDL4AhNwYtXzLHNzQ7bHK", id.UID(strings.Repeat("u", 64))}

func TestAUserSigIsOneOfTheUserAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, u := range users {
		ticket, err := New(appID, secret, time.Hour).Ticket(u, room)
		if err != nil {
			t.Fatal(err)
		}
		if ticket.Room != room || ticket.AppID != appID {
			t.Errorf("the ticket is for room %d of application %d", ticket.Room, ticket.AppID)
		}
		for _, c := range []struct {
			name   string
			appID  uint64
			secret string
			user   id.UID
			at     time.Time
			good   bool
		}{
			{"as it is", appID, secret, u, now, true},
			{"just before its end", appID, secret, u, now.Add(time.Hour - 5*time.Second), true},
			{"after its end", appID, secret, u, now.Add(time.Hour + 5*time.Second), false},
			{"for another application", appID + 1, secret, u, now, false},
			{"with another secret", appID, secret + "0", u, now, false},
			{"of another user", appID, secret, u + "b", now, false},
		} {
			err := tencentyun.VerifyUserSig(c.appID, c.secret, string(c.user), ticket.UserSig, c.at)
			if good := err == nil; good != c.good {
				t.Errorf("a userSig of %s, %s: %v", u, c.name, err)
			}
		}
	}
}

// pass is what a user buffer says, as the vendor documents it.
type pass struct {
	user       id.UID
	appID      uint32
	room       uint32
	expire     uint32 // Unix seconds
	privileges uint32
}

// read takes a PrivateMapKey apart: base64 in the vendor's alphabet, zlib, JSON, and
// in it the user buffer, whose bytes are returned too.
func read(t *testing.T, key string) (p pass, buffer []byte) {
	t.Helper()
	compressed, err := base64.StdEncoding.DecodeString(strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(key))
	if err != nil {
		t.Fatalf("the key is no base64: %v", err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatalf("the key is not compressed: %v", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("the key cannot be decompressed: %v", err)
	}
	var doc struct {
		Buffer []byte `json:"TLS.userbuf"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("the key is no JSON: %v", err)
	}
	b := doc.Buffer
	if len(b) < 3 || b[0] != 0 {
		t.Fatalf("the user buffer is %x", b)
	}
	n := int(binary.BigEndian.Uint16(b[1:]))
	if len(b) != 3+n+20 {
		t.Fatalf("the user buffer has %d bytes around a user of %d", len(b), n)
	}
	rest := b[3+n:]
	number := func(i int) uint32 { return binary.BigEndian.Uint32(rest[4*i:]) }
	if number(4) != 0 {
		t.Errorf("the account type is %d", number(4))
	}
	return pass{user: id.UID(b[3 : 3+n]), appID: number(0), room: number(1), expire: number(2), privileges: number(3)}, b
}

func TestAPrivateMapKeyOpensOneRoomToOneUser(t *testing.T) {
	t.Parallel()
	for _, u := range users {
		began := time.Now()
		ticket, err := New(appID, secret, time.Hour).Ticket(u, room)
		if err != nil {
			t.Fatal(err)
		}
		p, buffer := read(t, ticket.PrivateMapKey)
		if end := time.Unix(int64(p.expire), 0); end.Before(began.Add(time.Hour-time.Second)) || end.After(time.Now().Add(time.Hour)) {
			t.Errorf("the key of %s is good until %v", u, end)
		}
		if want := (pass{user: u, appID: appID, room: room, expire: p.expire, privileges: 255}); p != want {
			t.Errorf("the key says %+v, want %+v", p, want)
		}
		verify := func(appID uint64, secret string, u id.UID, buffer []byte) error {
			return tencentyun.VerifyUserSigWithBuf(appID, secret, string(u), ticket.PrivateMapKey, time.Now(), buffer)
		}
		if err := verify(appID, secret, u, buffer); err != nil {
			t.Errorf("the key of %s is not good: %v", u, err)
		}
		other, err := New(appID, secret, time.Hour).Ticket(u, room-1)
		if err != nil {
			t.Fatal(err)
		}
		_, otherRoom := read(t, other.PrivateMapKey)
		for name, err := range map[string]error{
			"another user":        verify(appID, secret, u+"b", buffer),
			"another application": verify(appID-1, secret, u, buffer),
			"another secret":      verify(appID, secret[1:], u, buffer),
			"another room":        verify(appID, secret, u, otherRoom),
		} {
			if err == nil {
				t.Errorf("the key of %s is good for %s", u, name)
			}
		}
	}
}
