// Package rpc offers the call service to gateways.
package rpc

import (
	"context"

	callv1 "parley/api/proto/call/v1"
	"parley/app/call"
	"parley/pkg/id"
)

// Server adapts call.Service to callv1.CallServiceServer.
type Server struct {
	callv1.UnimplementedCallServiceServer
	service *call.Service
}

var _ callv1.CallServiceServer = (*Server)(nil)

// New returns the server of a service.
func New(service *call.Service) *Server { return &Server{service: service} }

// Start implements callv1.CallServiceServer.
func (s *Server) Start(ctx context.Context, req *callv1.StartRequest) (*callv1.StartResponse, error) {
	c, err := s.service.Start(ctx, call.Request{
		Caller: id.UID(req.GetCaller()), Group: id.GID(req.GetGroup()), Invitees: id.UIDs(req.GetInvitees()), Kind: call.Kind(req.GetRtcType()),
	})
	if err != nil {
		return nil, err
	}
	return &callv1.StartResponse{Session: session(c)}, nil
}

// Check implements callv1.CallServiceServer.
func (s *Server) Check(ctx context.Context, req *callv1.CheckRequest) (*callv1.CheckResponse, error) {
	c, err := s.service.Check(ctx, call.ID(req.GetTraceId()), id.UID(req.GetCaller()))
	if err != nil {
		return nil, err
	}
	return &callv1.CheckResponse{Session: session(c)}, nil
}

// Handle implements callv1.CallServiceServer.
func (s *Server) Handle(ctx context.Context, req *callv1.HandleRequest) (*callv1.HandleResponse, error) {
	i, u := call.ID(req.GetTraceId()), id.UID(req.GetCaller())
	if !req.GetAnswer() {
		return &callv1.HandleResponse{}, s.service.Refuse(ctx, i, u, req.GetUuid())
	}
	t, err := s.service.Accept(ctx, i, u, req.GetUuid())
	if err != nil {
		return nil, err
	}
	return &callv1.HandleResponse{Ticket: &callv1.Ticket{
		RoomId: t.Room, UserSig: t.UserSig, PrivateMapKey: t.PrivateMapKey, SdkAppId: t.AppID,
	}}, nil
}

// ReplyBusy implements callv1.CallServiceServer.
func (s *Server) ReplyBusy(ctx context.Context, req *callv1.ReplyBusyRequest) (*callv1.ReplyBusyResponse, error) {
	return &callv1.ReplyBusyResponse{}, s.service.Decline(ctx, call.ID(req.GetTraceId()), id.UID(req.GetCaller()))
}

func session(c *call.Session) *callv1.Session {
	return &callv1.Session{
		TraceId: int64(c.ID), RtcType: int32(c.Kind), Invitees: id.Texts(c.Rung()), Caller: string(c.Caller()),
		CreateTime: c.Created, Timeout: int32(c.Deadline - c.Created), Deadline: c.Deadline, Group: int64(c.Group),
	}
}
