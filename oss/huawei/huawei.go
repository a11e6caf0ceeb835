// Package huawei keeps objects in a bucket of Huawei Cloud's Object Storage Service.
//
// Requests are signed in the vendor's own way (API reference of OBS: "Authentication
// of Signature in a Header" and "Authentication of Signature in a URL"). The SDK would
// silently turn to the S3 signature of version 2 where the bucket stands in the path,
// which it does for endpoints that are IP addresses: such an endpoint is refused. One
// below localhost does for a server on the own machine, also where no name server
// knows the bucket's domain.
package huawei

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"

	"parley/oss"
	"parley/oss/outbound"
)

// Bucket is an oss.Provider and an oss.Issuer. Every call is one attempt.
type Bucket struct {
	config   oss.BucketConfig
	endpoint *url.URL
	client   *http.Client
	tokens   *url.URL // nil when no agency is configured
}

var (
	_ oss.Provider = (*Bucket)(nil)
	_ oss.Issuer   = (*Bucket)(nil)
)

// New returns the bucket of a configuration. Endpoint, bucket and keys are required.
// It asks the cloud nothing.
func New(c oss.BucketConfig) (*Bucket, error) {
	endpoint, err := outbound.Base(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the endpoint of huaweiyun: %w", err)
	}
	if net.ParseIP(endpoint.Hostname()) != nil {
		return nil, errors.New("the endpoint of huaweiyun must have a name, not an IP address")
	}
	if c.Bucket == "" || c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return nil, errors.New("huaweiyun needs a bucket, an access key id and its secret")
	}
	b := &Bucket{config: c, endpoint: endpoint, client: outbound.Client()}
	if _, err := b.open(context.Background()); err != nil {
		return nil, fmt.Errorf("make a client of huaweiyun: %w", outbound.Cause(err))
	}
	if c.Role != "" {
		if err := b.openTokens(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// open returns a client of the SDK whose requests end with ctx. The SDK takes a
// context for all requests of a client only; a client is a few small structs, and
// all use the same connections. It logs nothing unless the process is told to by
// obs.InitLog, which nobody calls: it would write what is signed.
func (b *Bucket) open(ctx context.Context) (*obs.ObsClient, error) {
	transport, ok := b.client.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("the client has no transport")
	}
	return obs.New(b.config.AccessKeyID, b.config.AccessKeySecret, b.endpoint.String(),
		obs.WithSignature(obs.SignatureObs),
		obs.WithRegion(b.config.Region),
		obs.WithHttpClient(b.client),
		obs.WithHttpTransport(transport), // or it would make one
		obs.WithRequestContext(ctx),
		obs.WithMaxRetryCount(0), obs.WithMaxRedirectCount(0),
		obs.WithUserAgent("parley"))
}

// Host implements oss.Provider.
func (b *Bucket) Host(string) string {
	u := *b.endpoint
	u.Host = b.config.Bucket + "." + u.Host
	return cmp.Or(b.config.PublicURL, u.String())
}

// SignPut implements oss.Provider. The content type is signed too.
func (b *Bucket) SignPut(ctx context.Context, p oss.Put) (oss.Signed, error) {
	return b.sign(ctx, "sign an object", p.Key, p.Size, p.Expires, &obs.CreateSignedUrlInput{
		Headers: map[string]string{"Content-Type": p.ContentType},
	})
}

// SignPart implements oss.Provider.
func (b *Bucket) SignPart(ctx context.Context, p oss.PutPart) (oss.Signed, error) {
	return b.sign(ctx, "sign a part", p.Key, p.Size, p.Expires, &obs.CreateSignedUrlInput{
		QueryParams: map[string]string{"uploadId": p.Upload, "partNumber": strconv.Itoa(int(p.Number))},
	})
}

// sign signs a PUT. The signature cannot bind the length of the body: the cloud takes
// any that its bearer sends, so that the carrier must keep to it.
func (b *Bucket) sign(ctx context.Context, op string, key oss.Key, size int64, expires time.Time, in *obs.CreateSignedUrlInput) (oss.Signed, error) {
	in.Method, in.Bucket, in.Key = obs.HttpMethodPut, b.config.Bucket, string(key)
	in.Expires = int(time.Until(expires) / time.Second)
	if in.Expires < 1 { // the SDK takes 0 for five minutes
		return oss.Signed{}, failure(op, errors.New("it would have expired already"))
	}
	client, err := b.open(ctx)
	if err != nil {
		return oss.Signed{}, failure(op, err)
	}
	out, err := client.CreateSignedUrl(in)
	if err != nil {
		return oss.Signed{}, failure(op, err)
	}
	header := map[string]string{"Content-Length": strconv.FormatInt(size, 10)}
	for name := range out.ActualSignedRequestHeaders {
		if name != "Host" { // that of the URL, which is not signed
			header[name] = out.ActualSignedRequestHeaders[name][0]
		}
	}
	signed, err := b.address(out.SignedUrl, header)
	if err != nil {
		return oss.Signed{}, failure(op, err)
	}
	return oss.Signed{Provider: oss.Huaweiyun, Method: string(in.Method), URL: signed, Header: header, Expires: expires}, nil
}

// PutEmpty implements oss.Provider.
func (b *Bucket) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	in := &obs.PutObjectInput{}
	in.Bucket, in.Key, in.ContentType = b.config.Bucket, string(key), contentType
	return b.do(ctx, "write an empty object", func(client *obs.ObsClient) error {
		_, err := client.PutObject(in)
		return err
	})
}

// Stat implements oss.Provider.
func (b *Bucket) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	var s oss.Stat
	err := b.do(ctx, "describe an object", func(client *obs.ObsClient) error {
		out, err := client.GetObjectMetadata(&obs.GetObjectMetadataInput{Bucket: b.config.Bucket, Key: string(key)})
		if missing(err) {
			return oss.ErrNoObject
		}
		if err == nil {
			s = oss.Stat{Size: out.ContentLength, Modified: out.LastModified, ETag: strings.Trim(out.ETag, `"`)}
		}
		return err
	})
	return s, err
}

// Start implements oss.Provider.
func (b *Bucket) Start(ctx context.Context, key oss.Key, contentType string) (upload string, err error) {
	in := &obs.InitiateMultipartUploadInput{}
	in.Bucket, in.Key, in.ContentType = b.config.Bucket, string(key), contentType
	err = b.do(ctx, "start an upload", func(client *obs.ObsClient) error {
		out, err := client.InitiateMultipartUpload(in)
		if err != nil {
			return err
		}
		if upload = out.UploadId; upload == "" || len(upload) > oss.MaxUploadID {
			return errors.New("the answer has no id of the upload")
		}
		return nil
	})
	return upload, err
}

// Complete implements oss.Provider.
func (b *Bucket) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	in := &obs.CompleteMultipartUploadInput{Bucket: b.config.Bucket, Key: string(key), UploadId: upload}
	for _, p := range parts {
		if strings.ContainsAny(p.ETag, `<>&"`) { // the SDK writes it into XML as it is
			return oss.ErrWrongPart
		}
		in.Parts = append(in.Parts, obs.Part{PartNumber: int(p.Number), ETag: `"` + p.ETag + `"`})
	}
	return b.do(ctx, "complete an upload", func(client *obs.ObsClient) error {
		_, err := client.CompleteMultipartUpload(in)
		switch code(err) {
		case "NoSuchUpload":
			return oss.ErrNoUpload
		case "InvalidPart", "InvalidPartOrder":
			return oss.ErrWrongPart
		case "EntityTooSmall":
			return oss.ErrPartTooSmall
		}
		return err
	})
}

// Abort implements oss.Provider.
func (b *Bucket) Abort(ctx context.Context, key oss.Key, upload string) error {
	return b.do(ctx, "abort an upload", func(client *obs.ObsClient) error {
		_, err := client.AbortMultipartUpload(&obs.AbortMultipartUploadInput{Bucket: b.config.Bucket, Key: string(key), UploadId: upload})
		if code(err) == "NoSuchUpload" {
			return nil
		}
		return err
	})
}

// do makes a request with a client of its own.
func (b *Bucket) do(ctx context.Context, op string, request func(*obs.ObsClient) error) error {
	client, err := b.open(ctx)
	if err != nil {
		return failure(op, err)
	}
	switch err := request(client); err {
	case nil, oss.ErrNoObject, oss.ErrNoUpload, oss.ErrWrongPart, oss.ErrPartTooSmall:
		return err
	default:
		return failure(op, err)
	}
}
