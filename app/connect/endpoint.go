package connect

import (
	"context"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"google.golang.org/protobuf/proto"

	recordv1 "parley/api/proto/record/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
)

// endpoints is the Redis channel on which gateways tell each other of devices
// that came in. What is lost there is made good: the phone that was replaced
// learns it with its next cursor.
const endpoints = "parley:endpoint"

// announceWithin bounds one announcement.
const announceWithin = 2 * time.Second

// announce tells all connections of a user that a device came in: those here at
// once, those elsewhere through Redis.
func (g *Gateway) announce(uid id.UID, d device, name string) {
	g.tellEndpoint(uid, d, name)
	message, err := proto.Marshal(&recordv1.Endpoint{
		Gateway: g.name, Uid: string(uid), Device: &recordv1.Device{Type: int32(d.kind), Uuid: d.uuid, Name: name, At: d.at},
	})
	if err != nil {
		logx.Errorf("announce a device of %s: %v", uid, err)
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(g.ctx, announceWithin)
		defer cancel()
		if err := g.services.Redis.Publish(ctx, endpoints, message).Err(); err != nil && g.ctx.Err() == nil {
			logx.Errorf("announce a device of %s to other gateways: %v", uid, err)
		}
	}()
}

// hearEndpoints listens to the other gateways.
func (g *Gateway) hearEndpoints() {
	subscription := g.services.Redis.Subscribe(g.ctx, endpoints)
	defer subscription.Close()
	messages := subscription.Channel()
	for {
		select {
		case <-g.ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			var e recordv1.Endpoint
			if err := proto.Unmarshal([]byte(m.Payload), &e); err != nil {
				logx.Errorf("an announcement of a device cannot be read: %v", err)
				continue
			}
			if e.GetGateway() == g.name {
				continue
			}
			d := e.GetDevice()
			g.tellEndpoint(id.UID(e.GetUid()), device{kind: wirev1.Device(d.GetType()), uuid: d.GetUuid(), at: d.GetAt()}, d.GetName())
		}
	}
}
