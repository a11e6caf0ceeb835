package user

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/gateway"
)

// LoginLogic answers 用户登录.
type LoginLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewLoginLogic returns the logic of one request.
func NewLoginLogic(ctx context.Context, svcCtx *svc.ServiceContext) *LoginLogic {
	return &LoginLogic{ctx: ctx, svcCtx: svcCtx}
}

// Login tells the caller his address. A phone that comes back after another one
// took its place is refused.
func (l *LoginLogic) Login(req *types.LoginReq) (resp *types.LoginResp, err error) {
	uid, device := gateway.UID(l.ctx), gateway.Device(l.ctx)
	_, err = l.svcCtx.Devices.CheckLogin(l.ctx, &recordv1.CheckLoginRequest{
		Uid: string(uid), Device: device.Type, Uuid: device.UUID, Reconnect: req.ConnType == reconnect,
	})
	if err != nil {
		return nil, err
	}
	return &types.LoginResp{Address: string(uid)}, nil
}

// reconnect is the connType of a device that comes back.
const reconnect = int32(wirev1.ConnType_CONN_TYPE_RECONNECT)
