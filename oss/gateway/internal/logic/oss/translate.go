package oss

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/types"
)

func objectOf(base types.OssBase, key string) *ossv1.Object {
	return &ossv1.Object{AppId: base.AppId, Provider: base.OssType, Key: key}
}

// expiration is the form of times in credentials.
const expiration = "2006-01-02T15:04:05Z"

func credentialsOf(c *ossv1.Credentials) types.Credentials {
	return types.Credentials{
		AccessKeyId: c.GetAccessKeyId(), AccessKeySecret: c.GetAccessKeySecret(), SecurityToken: c.GetSecurityToken(),
		Expiration: time.UnixMilli(c.GetExpireTime()).UTC().Format(expiration),
	}
}

func roleOf(u *ossv1.AssumedRoleUser) types.AssumedRoleUser {
	return types.AssumedRoleUser{AssumedRoleId: u.GetAssumedRoleId(), Arn: u.GetArn()}
}

// requestOf is the provider's id of the request, or else our trace id of it.
func requestOf(ctx context.Context, answer *ossv1.IssueCredentialsResponse) string {
	return cmp.Or(answer.GetRequestId(), trace.SpanContextFromContext(ctx).TraceID().String())
}
