package minio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"parley/oss"
)

// errAnswer is the cause of a ProviderError that an answer is the whole of. What
// the server says in prose is left out: its code says it too.
var errAnswer = errors.New("the provider refused")

// failed makes of an error of the SDK what oss.Provider documents. answers are the
// codes of S3 that stand for one of oss's errors in this operation.
func failed(ctx context.Context, op string, err error, answers map[string]error) error {
	var response minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case errors.As(err, &response):
		if answer, ok := answers[response.Code]; ok {
			return fmt.Errorf("%s: %s: %w", oss.Minio, op, answer)
		}
		return &oss.ProviderError{
			Provider: oss.Minio, Op: op, Status: statusOf(response),
			Code: response.Code, RequestID: response.RequestID, Err: errAnswer,
		}
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %s: %w", oss.Minio, op, ctx.Err())
	default:
		return &oss.ProviderError{Provider: oss.Minio, Op: op, Err: withoutURL(err)}
	}
}

// statusOf returns the status of an error. Completing an upload may be answered
// with 200 before it fails (Amazon S3 API Reference, CompleteMultipartUpload):
// then the server failed, since what the request is to blame for it sees before.
func statusOf(response minio.ErrorResponse) int {
	if response.StatusCode/100 == 2 {
		return http.StatusInternalServerError
	}
	return response.StatusCode
}

// withoutURL takes an error out of the url.Error around it. The SDK puts the URL
// into the text of a broken connection too.
func withoutURL(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	if strings.Contains(u.Err.Error(), u.URL) {
		return io.ErrUnexpectedEOF
	}
	return u.Err
}
