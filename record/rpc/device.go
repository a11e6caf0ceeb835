package rpc

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/record/device"
)

// DeviceServer adapts device.Service to recordv1.DeviceServiceServer.
type DeviceServer struct {
	recordv1.UnimplementedDeviceServiceServer
	service *device.Service
}

var _ recordv1.DeviceServiceServer = (*DeviceServer)(nil)

// NewDevice returns the server of a service.
func NewDevice(service *device.Service) *DeviceServer { return &DeviceServer{service: service} }

// CheckLogin implements recordv1.DeviceServiceServer.
func (s *DeviceServer) CheckLogin(ctx context.Context, req *recordv1.CheckLoginRequest) (*recordv1.CheckLoginResponse, error) {
	err := s.service.CheckLogin(ctx, device.Login{
		User: id.UID(req.GetUid()), Device: req.GetDevice(), UUID: req.GetUuid(), Reconnect: req.GetReconnect(),
	})
	return &recordv1.CheckLoginResponse{}, err
}

// Enter implements recordv1.DeviceServiceServer.
func (s *DeviceServer) Enter(ctx context.Context, req *recordv1.EnterRequest) (*recordv1.EnterResponse, error) {
	entered, holder, err := s.service.Enter(ctx, device.Entry{
		Device: device.Device{
			User: id.UID(req.GetUid()), Type: wirev1.Device(req.GetType()), UUID: req.GetUuid(), Name: req.GetName(), PushToken: req.GetPushToken(),
		},
		Reconnect: req.GetReconnect(),
	})
	if err != nil {
		return nil, err
	}
	if holder != nil {
		return &recordv1.EnterResponse{Holder: deviceOf(holder)}, nil
	}
	return &recordv1.EnterResponse{Cursor: int64(entered.Cursor), At: entered.At}, nil
}

// Holder implements recordv1.DeviceServiceServer.
func (s *DeviceServer) Holder(ctx context.Context, req *recordv1.HolderRequest) (*recordv1.HolderResponse, error) {
	holder, err := s.service.Holder(ctx, id.UID(req.GetUid()))
	if err != nil || holder == nil {
		return &recordv1.HolderResponse{}, err
	}
	return &recordv1.HolderResponse{Holder: deviceOf(holder)}, nil
}

func deviceOf(d *device.Device) *recordv1.Device {
	return &recordv1.Device{Type: int32(d.Type), Uuid: d.UUID, Name: d.Name, At: d.At}
}

// Advance implements recordv1.DeviceServiceServer.
func (s *DeviceServer) Advance(ctx context.Context, req *recordv1.AdvanceRequest) (*recordv1.AdvanceResponse, error) {
	cursors := make([]device.Cursor, len(req.GetCursors()))
	for i, c := range req.GetCursors() {
		cursors[i] = device.Cursor{
			User: id.UID(c.GetUid()), Type: wirev1.Device(c.GetType()), UUID: c.GetUuid(), Position: eventlog.Position(c.GetPosition()),
		}
	}
	gone, err := s.service.Advance(ctx, cursors)
	if err != nil {
		return nil, err
	}
	resp := &recordv1.AdvanceResponse{Gone: make([]int32, len(gone))}
	for i, n := range gone {
		resp.Gone[i] = int32(n)
	}
	return resp, nil
}
