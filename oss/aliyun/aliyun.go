// Package aliyun keeps objects in a bucket of Alibaba Cloud's Object Storage Service.
//
// Requests are signed with signature version 4 ("OSS4-HMAC-SHA256", in the API
// reference of OSS: "Include a V4 signature in the Authorization header" and
// "Include V4 signatures in a URL"). The vendor recommends it over version 1, the
// default of the SDK, which knows no region and builds on SHA-1. It needs the region
// of the bucket.
package aliyun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	sts "github.com/alibabacloud-go/sts-20150401/v2/client"
	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"parley/oss"
	"parley/oss/outbound"
	"parley/pkg/fault"
)

// MaxKey is the longest key in bytes, one less than elsewhere (developer reference of
// OSS: "Object naming conventions"). A longer one is fault.BadKey where something would
// be written.
const MaxKey = 1023

// Bucket is an oss.Provider and an oss.Issuer. Every call is one attempt.
type Bucket struct {
	config   oss.BucketConfig
	endpoint *url.URL
	bucket   *sdk.Bucket
	signer   *sdk.Bucket
	tokens   *sts.Client // nil when no role is configured
}

var (
	_ oss.Provider = (*Bucket)(nil)
	_ oss.Issuer   = (*Bucket)(nil)
)

// New returns the bucket of a configuration. Endpoint, region, bucket and keys are
// required; the region is such as cn-hangzhou, oss-cn-hangzhou is understood too. It
// asks the cloud nothing.
func New(c oss.BucketConfig) (*Bucket, error) {
	c.Region = strings.TrimPrefix(c.Region, "oss-")
	endpoint, err := outbound.Base(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the endpoint of aliyun: %w", err)
	}
	if c.Region == "" || c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return nil, errors.New("aliyun needs a region, an access key id and its secret")
	}
	b := &Bucket{config: c, endpoint: endpoint}
	if b.bucket, err = open(c, endpoint); err != nil {
		return nil, err
	}
	// What is signed for others binds the length of the body too. The SDK signs it in
	// all requests of a client or in none, and gives requests without a body one that
	// net/http does not send: hence the second client.
	if b.signer, err = open(c, endpoint, sdk.AdditionalHeaders([]string{"content-length"})); err != nil {
		return nil, err
	}
	if c.Role != "" {
		if err := b.openTokens(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// open makes a client of the SDK.
func open(c oss.BucketConfig, endpoint *url.URL, more ...sdk.ClientOption) (*sdk.Bucket, error) {
	client := outbound.Client()
	client.Transport = watcher{client.Transport}
	options := append([]sdk.ClientOption{
		sdk.AuthVersion(sdk.AuthV4), sdk.Region(c.Region),
		sdk.HTTPClient(client), sdk.RedirectEnabled(false),
		sdk.SetLogLevel(sdk.LogOff),   // it would write what is signed
		sdk.EnableCRC(false),          // no bytes pass here
		sdk.VerifyObjectStrict(false), // a key may begin with "?"
		sdk.UserAgent("parley"),
	}, more...)
	opened, err := sdk.New(endpoint.String(), c.AccessKeyID, c.AccessKeySecret, options...)
	if err != nil {
		return nil, fmt.Errorf("make a client of aliyun: %w", outbound.Cause(err))
	}
	bucket, err := opened.Bucket(c.Bucket)
	if err != nil {
		return nil, fmt.Errorf("the bucket of aliyun: %w", outbound.Cause(err))
	}
	return bucket, nil
}

// Host implements oss.Provider.
func (b *Bucket) Host(string) string {
	u := *b.endpoint
	if net.ParseIP(u.Hostname()) != nil { // the SDK then names the bucket in the path
		u.Path = "/" + b.config.Bucket
	} else {
		u.Host = b.config.Bucket + "." + u.Host
	}
	return cmp.Or(b.config.PublicURL, u.String())
}

// SignPut implements oss.Provider. Type and length of the content are signed too.
func (b *Bucket) SignPut(_ context.Context, p oss.Put) (oss.Signed, error) {
	s, err := b.sign("sign an object", p.Key, p.Size, p.Expires, sdk.ContentType(p.ContentType))
	if err != nil {
		return oss.Signed{}, err
	}
	s.Header["Content-Type"] = p.ContentType
	return s, nil
}

// SignPart implements oss.Provider.
func (b *Bucket) SignPart(_ context.Context, p oss.PutPart) (oss.Signed, error) {
	// The SDK panics on parameters that are no strings.
	return b.sign("sign a part", p.Key, p.Size, p.Expires,
		sdk.AddParam("uploadId", p.Upload), sdk.AddParam("partNumber", strconv.Itoa(int(p.Number))))
}

// sign signs a PUT. The cloud counts whole seconds from when it was signed.
func (b *Bucket) sign(op string, key oss.Key, size int64, expires time.Time, options ...sdk.Option) (oss.Signed, error) {
	if len(key) > MaxKey {
		return oss.Signed{}, fault.BadKey
	}
	seconds := int64(time.Until(expires) / time.Second)
	if seconds < 1 {
		return oss.Signed{}, failure(op, errors.New("it would have expired already"))
	}
	signed, err := b.signer.SignURL(string(key), sdk.HTTPPut, seconds, append(options, sdk.ContentLength(size))...)
	if err != nil {
		return oss.Signed{}, failure(op, err)
	}
	return oss.Signed{
		Provider: oss.Aliyun, Method: string(sdk.HTTPPut), URL: signed, Expires: expires,
		Header: map[string]string{"Content-Length": strconv.FormatInt(size, 10)},
	}, nil
}

// PutEmpty implements oss.Provider.
func (b *Bucket) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	if len(key) > MaxKey {
		return fault.BadKey
	}
	ctx, seen := watch(ctx)
	// net/http sends an empty reader of another type than its own in chunks, without
	// a Content-Length.
	err := b.bucket.PutObject(string(key), nil, sdk.ContentType(contentType), sdk.WithContext(ctx), now())
	if err != nil {
		return seen.failure("write an empty object", err)
	}
	return nil
}

// Stat implements oss.Provider.
func (b *Bucket) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	const op = "describe an object"
	if len(key) > MaxKey { // what the service asks first of a new key
		return oss.Stat{}, fault.BadKey
	}
	ctx, seen := watch(ctx)
	h, err := b.bucket.GetObjectDetailedMeta(string(key), sdk.WithContext(ctx), now())
	if missing(err) {
		return oss.Stat{}, oss.ErrNoObject
	}
	if err != nil {
		return oss.Stat{}, seen.failure(op, err)
	}
	s, err := stat(h)
	if err != nil {
		return oss.Stat{}, seen.failure(op, err)
	}
	return s, nil
}

// Start implements oss.Provider.
func (b *Bucket) Start(ctx context.Context, key oss.Key, contentType string) (string, error) {
	const op = "start an upload"
	if len(key) > MaxKey {
		return "", fault.BadKey
	}
	ctx, seen := watch(ctx)
	started, err := b.bucket.InitiateMultipartUpload(string(key), sdk.ContentType(contentType), sdk.WithContext(ctx), now())
	if err != nil {
		return "", seen.failure(op, err)
	}
	if started.UploadID == "" || len(started.UploadID) > oss.MaxUploadID {
		return "", seen.failure(op, errors.New("the answer has no id of the upload"))
	}
	return started.UploadID, nil
}

// Complete implements oss.Provider.
func (b *Bucket) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	list := make([]sdk.UploadPart, 0, len(parts))
	for _, p := range parts {
		list = append(list, sdk.UploadPart{PartNumber: int(p.Number), ETag: `"` + p.ETag + `"`})
	}
	ctx, seen := watch(ctx)
	_, err := b.bucket.CompleteMultipartUpload(b.upload(key, upload), list, sdk.WithContext(ctx), now())
	if err == nil {
		return nil
	}
	switch code(err) {
	case "NoSuchUpload":
		return oss.ErrNoUpload
	case "InvalidPart", "InvalidPartOrder":
		return oss.ErrWrongPart
	case "EntityTooSmall":
		return oss.ErrPartTooSmall
	}
	return seen.failure("complete an upload", err)
}

// Abort implements oss.Provider.
func (b *Bucket) Abort(ctx context.Context, key oss.Key, upload string) error {
	ctx, seen := watch(ctx)
	err := b.bucket.AbortMultipartUpload(b.upload(key, upload), sdk.WithContext(ctx), now())
	if err != nil && code(err) != "NoSuchUpload" {
		return seen.failure("abort an upload", err)
	}
	return nil
}

// now names the time of a request in the form that the vendor documents for version 4.
// By itself the SDK sends and signs a Date in that of HTTP.
func now() sdk.Option {
	return sdk.SetHeader(sdk.HttpHeaderOssDate, time.Now().UTC().Format("20060102T150405Z"))
}

func (b *Bucket) upload(key oss.Key, id string) sdk.InitiateMultipartUploadResult {
	return sdk.InitiateMultipartUploadResult{Bucket: b.config.Bucket, Key: string(key), UploadID: id}
}
