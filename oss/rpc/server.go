// Package rpc offers the object storage service to gateways.
package rpc

import (
	"context"
	"time"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/pkg/id"
)

// Server adapts oss.Service to ossv1.OSSServiceServer.
type Server struct {
	ossv1.UnimplementedOSSServiceServer
	service *oss.Service
}

var _ ossv1.OSSServiceServer = (*Server)(nil)

// New returns the server of a service.
func New(service *oss.Service) *Server { return &Server{service: service} }

// Resolve implements ossv1.OSSServiceServer.
func (s *Server) Resolve(_ context.Context, req *ossv1.ResolveRequest) (*ossv1.ResolveResponse, error) {
	provider, maxFile, err := s.service.Resolve(req.GetAppId(), req.GetProvider())
	if err != nil {
		return nil, err
	}
	return &ossv1.ResolveResponse{Provider: provider, MaxSize: maxFile}, nil
}

// Host implements ossv1.OSSServiceServer.
func (s *Server) Host(_ context.Context, req *ossv1.HostRequest) (*ossv1.HostResponse, error) {
	host, err := s.service.Host(req.GetAppId(), req.GetProvider(), req.GetOrigin())
	if err != nil {
		return nil, err
	}
	return &ossv1.HostResponse{Host: host}, nil
}

// SignUpload implements ossv1.OSSServiceServer.
func (s *Server) SignUpload(ctx context.Context, req *ossv1.SignUploadRequest) (*ossv1.SignUploadResponse, error) {
	upload, signed, err := s.service.SignUpload(ctx, id.UID(req.GetCaller()), oss.Whole{
		Object: object(req.GetObject()), Size: req.GetSize(), ContentType: req.GetContentType(),
		Ends: time.UnixMilli(req.GetEndTime()), Previous: req.GetPreviousUploadId(),
	})
	if err != nil {
		return nil, err
	}
	return &ossv1.SignUploadResponse{UploadId: upload, Request: request(signed)}, nil
}

// RecordUpload implements ossv1.OSSServiceServer.
func (s *Server) RecordUpload(ctx context.Context, req *ossv1.RecordUploadRequest) (*ossv1.RecordUploadResponse, error) {
	l, err := s.service.RecordUpload(ctx, id.UID(req.GetCaller()), req.GetUploadId(), req.GetOrigin())
	if err != nil {
		return nil, err
	}
	return &ossv1.RecordUploadResponse{Location: location(l)}, nil
}

// InitMultipart implements ossv1.OSSServiceServer.
func (s *Server) InitMultipart(ctx context.Context, req *ossv1.InitMultipartRequest) (*ossv1.InitMultipartResponse, error) {
	upload, err := s.service.Init(ctx, id.UID(req.GetCaller()), object(req.GetObject()))
	if err != nil {
		return nil, err
	}
	return &ossv1.InitMultipartResponse{UploadId: upload}, nil
}

// SignPart implements ossv1.OSSServiceServer.
func (s *Server) SignPart(ctx context.Context, req *ossv1.SignPartRequest) (*ossv1.SignPartResponse, error) {
	signed, err := s.service.SignPart(ctx, id.UID(req.GetCaller()), object(req.GetObject()), req.GetUploadId(), req.GetPartNumber(), req.GetSize())
	if err != nil {
		return nil, err
	}
	return &ossv1.SignPartResponse{Request: request(signed)}, nil
}

// RecordPart implements ossv1.OSSServiceServer.
func (s *Server) RecordPart(ctx context.Context, req *ossv1.RecordPartRequest) (*ossv1.RecordPartResponse, error) {
	p, err := s.service.RecordPart(ctx, id.UID(req.GetCaller()), object(req.GetObject()), req.GetUploadId(), part(req.GetPart()), req.GetSize())
	if err != nil {
		return nil, err
	}
	return &ossv1.RecordPartResponse{Part: &ossv1.Part{PartNumber: p.Number, Etag: p.ETag}}, nil
}

// CompleteMultipart implements ossv1.OSSServiceServer.
func (s *Server) CompleteMultipart(ctx context.Context, req *ossv1.CompleteMultipartRequest) (*ossv1.CompleteMultipartResponse, error) {
	parts := make([]oss.Part, len(req.GetParts()))
	for i, p := range req.GetParts() {
		parts[i] = part(p)
	}
	l, err := s.service.Complete(ctx, id.UID(req.GetCaller()), object(req.GetObject()), req.GetUploadId(), parts, req.GetOrigin())
	if err != nil {
		return nil, err
	}
	return &ossv1.CompleteMultipartResponse{Location: location(l)}, nil
}

// AbortMultipart implements ossv1.OSSServiceServer.
func (s *Server) AbortMultipart(ctx context.Context, req *ossv1.AbortMultipartRequest) (*ossv1.AbortMultipartResponse, error) {
	return &ossv1.AbortMultipartResponse{}, s.service.Abort(ctx, id.UID(req.GetCaller()), object(req.GetObject()), req.GetUploadId())
}

// IssueCredentials implements ossv1.OSSServiceServer.
func (s *Server) IssueCredentials(ctx context.Context, req *ossv1.IssueCredentialsRequest) (*ossv1.IssueCredentialsResponse, error) {
	c, err := s.service.Issue(ctx, req.GetProvider())
	if err != nil {
		return nil, err
	}
	return &ossv1.IssueCredentialsResponse{
		RequestId: c.RequestID,
		Credentials: &ossv1.Credentials{
			AccessKeyId: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken, ExpireTime: c.Expires.UnixMilli(),
		},
		AssumedRoleUser: &ossv1.AssumedRoleUser{AssumedRoleId: c.RoleID, Arn: c.RoleARN},
	}, nil
}

func object(o *ossv1.Object) oss.Object {
	return oss.Object{App: o.GetAppId(), Provider: o.GetProvider(), Key: oss.Key(o.GetKey())}
}

func part(p *ossv1.Part) oss.Part { return oss.Part{Number: p.GetPartNumber(), ETag: p.GetEtag()} }

func location(l oss.Location) *ossv1.Location { return &ossv1.Location{Url: l.URL, Uri: l.URI} }

func request(s oss.Signed) *ossv1.SignedRequest {
	return &ossv1.SignedRequest{Provider: s.Provider, Method: s.Method, Url: s.URL, Headers: s.Header, ExpireTime: s.Expires.UnixMilli()}
}
