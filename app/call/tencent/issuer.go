// Package tencent makes the tickets of calls for Tencent's real-time rooms (TRTC):
// a UserSig of TLS-Sig-API v2, which says who somebody is, and a PrivateMapKey,
// which lets him into one room.
package tencent

import (
	"fmt"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"parley/app/call"
	"parley/pkg/id"
)

// privileges are all that a PrivateMapKey can give, one bit each: to make and to
// enter the room, to send and to receive sound, picture and screen.
const privileges = 0b1111_1111

// Issuer is a call.Issuer.
type Issuer struct {
	appID  int32
	secret string
	expire time.Duration
}

var _ call.Issuer = (*Issuer)(nil)

// New returns the issuer of an application. Its tickets are good for expire, in
// whole seconds.
func New(appID int32, secret string, expire time.Duration) *Issuer {
	return &Issuer{appID: appID, secret: secret, expire: expire}
}

// Ticket implements call.Issuer. The identifier in both parts is the uid, byte for
// byte.
func (i *Issuer) Ticket(u id.UID, room int32) (call.Ticket, error) {
	seconds := int(i.expire / time.Second)
	userSig, err := tencentyun.GenUserSig(int(i.appID), i.secret, string(u), seconds)
	if err != nil {
		return call.Ticket{}, fmt.Errorf("sign a ticket: %w", err)
	}
	mapKey, err := tencentyun.GenPrivateMapKey(int(i.appID), i.secret, string(u), seconds, uint32(room), privileges)
	if err != nil {
		return call.Ticket{}, fmt.Errorf("sign a ticket: %w", err)
	}
	return call.Ticket{Room: room, UserSig: userSig, PrivateMapKey: mapKey, AppID: i.appID}, nil
}
