package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/pkg/fault"
)

// The names of providers, as requests and the configuration have them. Local is
// never named in a request.
const (
	Aliyun    = "aliyun"
	Huaweiyun = "huaweiyun"
	Minio     = "minio"
	Local     = "local"
)

// Provider keeps objects in one bucket, for which it is made. It decides nothing:
// keys were checked, and who may write them too. What it is asked is safe to be
// asked again, and by several services at once. Besides the errors that a method
// names it returns a *ProviderError.
//
// Bytes do not go through it, but on the requests that it signs (see Carrier).
type Provider interface {
	// Host returns the URL below which objects are read by anybody, without a
	// slash at its end. origin is the scheme and host by which the client came.
	Host(origin string) string

	// SignPut signs the request that writes an object in one piece, in place of
	// one that is there.
	SignPut(ctx context.Context, p Put) (Signed, error)
	// PutEmpty writes an object of no bytes.
	PutEmpty(ctx context.Context, key Key, contentType string) error
	// Stat describes an object, or returns ErrNoObject.
	Stat(ctx context.Context, key Key) (Stat, error)

	// Start begins an upload in parts and returns the provider's id of it, which
	// has at most MaxUploadID bytes.
	Start(ctx context.Context, key Key, contentType string) (upload string, err error)
	// SignPart signs the request that writes a part, in place of one that is there.
	// It does not ask whether the upload exists.
	SignPart(ctx context.Context, p PutPart) (Signed, error)
	// Complete makes an object of the parts, which are sorted, at least one, and
	// the whole object. Errors are ErrNoUpload, ErrWrongPart for a part that is not
	// there or has another ETag, and ErrPartTooSmall.
	Complete(ctx context.Context, key Key, upload string, parts []Part) error
	// Abort drops an upload and its parts. That there is none is no error.
	Abort(ctx context.Context, key Key, upload string) error
}

// Issuer is a Provider that hands out temporary credentials, with which objects
// can be written into its bucket and nothing else be done.
type Issuer interface {
	Issue(ctx context.Context) (Credentials, error)
}

// Carrier moves bytes to a provider on what was signed.
type Carrier interface {
	// Send sends size bytes of body, exactly, and returns the ETag of the object or
	// part without quotes. An error of body is in the chain of the error; the object
	// is not written then. ErrNoUpload is an answer for parts; any other error of
	// the provider is a *ProviderError.
	Send(ctx context.Context, s Signed, body io.Reader, size int64) (etag string, err error)
}

// MaxUploadID is the longest id of an upload at a provider in bytes.
const MaxUploadID = 1024

// What providers find.
var (
	ErrNoObject     = errors.New("there is no such object")
	ErrNoUpload     = errors.New("there is no such upload")
	ErrWrongPart    = errors.New("a part is not there or has another ETag")
	ErrPartTooSmall = errors.New("a part is too small")
)

// Put is an object that is to be written in one piece.
type Put struct {
	Key         Key
	Size        int64 // in bytes, exact, above 0
	ContentType string
	Expires     time.Time // the request must begin before
}

// PutPart is a part that is to be written.
type PutPart struct {
	Key     Key
	Upload  string // as Start returned it
	Number  int32  // 1 to 10000
	Size    int64  // in bytes, exact, above 0
	Expires time.Time
}

// Part is a part that was written.
type Part struct {
	Number int32
	ETag   string // without quotes, in the provider's case
}

// Stat describes an object.
type Stat struct {
	Size     int64 // in bytes
	Modified time.Time
	ETag     string // without quotes; of an object in n parts it ends in -n
}

// Signed is a request to a provider whose body is the bytes. Whoever has it can
// write one object or part until it expires: it is never logged.
type Signed struct {
	Provider string
	Method   string
	URL      string // to be sent on unparsed
	Header   map[string]string
	Expires  time.Time
}

// Credentials are temporary keys of a provider. They are never logged.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string
	Expires         time.Time
	// RequestID is that of the provider, or "".
	RequestID string
	// RoleID and RoleARN say whom the provider takes the bearer for, or are "".
	RoleID  string
	RoleARN string
}

// ProviderError is a provider's failure.
type ProviderError struct {
	Provider  string
	Op        string // what was tried, such as "complete an upload"
	Status    int    // of HTTP, or 0 when there was no answer
	Code      string // the provider's own
	RequestID string // the provider's, by which its support finds the request
	Err       error  // the cause; its text holds no secret
}

// Error implements error.
func (e *ProviderError) Error() string {
	return fmt.Sprintf("%s: %s: status %d, code %q, request id %q: %v", e.Provider, e.Op, e.Status, e.Code, e.RequestID, e.Err)
}

// answers are the codes of S3, and of servers of its protocol, that one of ours fits.
var answers = map[string]fault.Code{
	"EntityTooLarge":          fault.FileTooLarge,
	"KeyTooLongError":         fault.BadKey,
	"InvalidObjectName":       fault.BadKey,
	"XMinioInvalidObjectName": fault.BadKey,
	// Servers that keep objects in files cannot keep one below another.
	"ObjectParentIsFile":   fault.BadKey,
	"XMinioParentIsObject": fault.BadKey,
}

// Unwrap returns the cause, and the code of ours that fits, if there is one.
func (e *ProviderError) Unwrap() []error {
	if code, ok := answers[e.Code]; ok {
		return []error{e.Err, code}
	}
	return []error{e.Err}
}

// Foreign tells pkg/fault that the provider failed, and not the service: callers go on
// asking it for what other providers can do.
func (e *ProviderError) Foreign() bool { return true }

// Temporary reports whether trying again may help: there was no answer, or one
// that blames the provider's state.
func (e *ProviderError) Temporary() bool { return e.Status == 0 || e.Status == 429 || e.Status >= 500 }
