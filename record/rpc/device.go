package rpc

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
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
