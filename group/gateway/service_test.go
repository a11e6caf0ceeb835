package gateway_test

import (
	"context"
	"io"
	"path"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"parley/pkg/fault"
)

// service is a connection to a group service that answers every call alike, and
// remembers the last one.
type service struct {
	answers []proto.Message // one for a call, any number for a stream
	err     error           // comes after the answers of a stream, instead of that of a call

	rpc     string // the name of the call, "" until there was one
	request proto.Message
}

var _ grpc.ClientConnInterface = (*service)(nil)

// Invoke implements grpc.ClientConnInterface.
func (s *service) Invoke(_ context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	s.rpc, s.request = path.Base(method), proto.Clone(args.(proto.Message))
	if s.err != nil {
		return fault.Status(s.err)
	}
	proto.Merge(reply.(proto.Message), s.answers[0])
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (s *service) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	s.rpc = path.Base(method)
	return &stream{service: s, left: s.answers}, nil
}

// stream hands out the answers of its service one by one.
type stream struct {
	grpc.ClientStream
	service *service
	left    []proto.Message
}

// SendMsg implements grpc.ClientStream.
func (s *stream) SendMsg(m any) error {
	s.service.request = proto.Clone(m.(proto.Message))
	return nil
}

// CloseSend implements grpc.ClientStream.
func (s *stream) CloseSend() error { return nil }

// RecvMsg implements grpc.ClientStream.
func (s *stream) RecvMsg(m any) error {
	if len(s.left) > 0 {
		proto.Merge(m.(proto.Message), s.left[0])
		s.left = s.left[1:]
		return nil
	}
	if s.service.err != nil {
		return fault.Status(s.service.err)
	}
	return io.EOF
}
