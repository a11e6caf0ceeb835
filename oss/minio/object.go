package minio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"parley/oss"
)

// emptySHA256 is the SHA-256 of no bytes, which the signature of an empty object is of.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// SignPut implements oss.Provider. The length is signed along with the type.
func (b *Bucket) SignPut(ctx context.Context, p oss.Put) (oss.Signed, error) {
	return b.sign(ctx, "sign the putting of an object", p.Key, nil, p.Expires, map[string]string{
		"Content-Length": strconv.FormatInt(p.Size, 10),
		"Content-Type":   p.ContentType,
	})
}

// SignPart implements oss.Provider. The length is signed.
func (b *Bucket) SignPart(ctx context.Context, p oss.PutPart) (oss.Signed, error) {
	query := url.Values{"uploadId": {p.Upload}, "partNumber": {strconv.Itoa(int(p.Number))}}
	return b.sign(ctx, "sign the putting of a part", p.Key, query, p.Expires, map[string]string{
		"Content-Length": strconv.FormatInt(p.Size, 10),
	})
}

// maxSigned is how long a signature may be good for: Amazon S3 API Reference,
// "Authenticating Requests: Using Query Parameters".
const maxSigned = 7 * 24 * time.Hour

func (b *Bucket) sign(ctx context.Context, op string, key oss.Key, query url.Values, expires time.Time, header map[string]string) (oss.Signed, error) {
	// The server counts from the whole second in which the request was signed.
	life := time.Duration(expires.Unix()-time.Now().Unix()) * time.Second
	if life <= 0 || life > maxSigned {
		return oss.Signed{}, fmt.Errorf("%s: %s: it would be good for %v", oss.Minio, op, life)
	}
	signed := make(http.Header, len(header))
	for name, value := range maps.All(header) {
		signed.Set(name, value)
	}
	u, err := b.core.PresignHeader(ctx, http.MethodPut, b.config.Bucket, string(key), life, query, signed)
	if err != nil {
		return oss.Signed{}, failed(ctx, op, err, nil)
	}
	return oss.Signed{Provider: oss.Minio, Method: http.MethodPut, URL: u.String(), Header: header, Expires: expires}, nil
}

// PutEmpty implements oss.Provider.
func (b *Bucket) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	_, err := b.core.PutObject(ctx, b.config.Bucket, string(key), http.NoBody, 0, "", emptySHA256,
		minio.PutObjectOptions{ContentType: contentType, DisableContentSha256: true}) // not in chunks
	return failed(ctx, "put an empty object", err, nil)
}

// Stat implements oss.Provider.
func (b *Bucket) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	info, err := b.core.StatObject(ctx, b.config.Bucket, string(key), minio.StatObjectOptions{})
	if err != nil {
		return oss.Stat{}, failed(ctx, "describe an object", err, map[string]error{minio.NoSuchKey: oss.ErrNoObject})
	}
	return oss.Stat{Size: info.Size, Modified: info.LastModified, ETag: strings.Trim(info.ETag, `"`)}, nil
}

// Start implements oss.Provider.
func (b *Bucket) Start(ctx context.Context, key oss.Key, contentType string) (string, error) {
	upload, err := b.core.NewMultipartUpload(ctx, b.config.Bucket, string(key), minio.PutObjectOptions{ContentType: contentType})
	if err == nil && (upload == "" || len(upload) > oss.MaxUploadID) {
		err = fmt.Errorf("the id of the upload has %d bytes", len(upload))
	}
	if err != nil {
		return "", failed(ctx, "start an upload", err, nil)
	}
	return upload, nil
}

// completeAnswers are the codes that say what is wrong with the parts: Amazon S3
// API Reference, CompleteMultipartUpload.
var completeAnswers = map[string]error{
	minio.NoSuchUpload:   oss.ErrNoUpload,
	minio.InvalidPart:    oss.ErrWrongPart,
	"InvalidPartOrder":   oss.ErrWrongPart,
	minio.EntityTooSmall: oss.ErrPartTooSmall,
}

// Complete implements oss.Provider.
func (b *Bucket) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	complete := make([]minio.CompletePart, len(parts))
	for i, p := range parts {
		complete[i] = minio.CompletePart{PartNumber: int(p.Number), ETag: p.ETag}
	}
	_, err := b.core.CompleteMultipartUpload(ctx, b.config.Bucket, string(key), upload, complete, minio.PutObjectOptions{})
	return failed(ctx, "complete an upload", err, completeAnswers)
}

// Abort implements oss.Provider.
func (b *Bucket) Abort(ctx context.Context, key oss.Key, upload string) error {
	err := b.core.AbortMultipartUpload(ctx, b.config.Bucket, string(key), upload)
	err = failed(ctx, "abort an upload", err, map[string]error{minio.NoSuchUpload: oss.ErrNoUpload})
	if errors.Is(err, oss.ErrNoUpload) {
		return nil
	}
	return err
}
