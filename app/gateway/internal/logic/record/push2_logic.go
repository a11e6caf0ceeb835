package record

import (
	"context"

	"google.golang.org/protobuf/proto"
	wirev1 "parley/api/proto/wire/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/fault"
	"parley/pkg/gateway"
)

// Push2Logic answers 发送消息.
type Push2Logic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewPush2Logic returns the logic of one request.
func NewPush2Logic(ctx context.Context, svcCtx *svc.ServiceContext) *Push2Logic {
	return &Push2Logic{ctx: ctx, svcCtx: svcCtx}
}

// opSendMsg is the operation of a frame that sends a message.
const opSendMsg = 7

// Push2 sends the Proto inside the Frame that is the file part.
func (l *Push2Logic) Push2(_ *types.PushReq) (resp *types.PushResp, err error) {
	file, ok := bind.File(l.ctx)
	if !ok {
		return nil, fault.Invalid("message", "is missing")
	}
	message, err := unframe(file.Bytes())
	if err != nil {
		return nil, err
	}
	return answer(l.svcCtx.Sender.Send(l.ctx, gateway.UID(l.ctx), message))
}

// unframe returns the Proto inside an encoded Frame that sends a message.
func unframe(encoded []byte) ([]byte, error) {
	var frame wirev1.Frame
	if err := proto.Unmarshal(encoded, &frame); err != nil {
		return nil, fault.Invalid("message", "is not a Frame")
	}
	if frame.Op != opSendMsg {
		return nil, fault.Invalid("op", "must be %d", opSendMsg)
	}
	if len(frame.Body) == 0 {
		return nil, fault.Invalid("body", "is empty")
	}
	return frame.Body, nil
}
