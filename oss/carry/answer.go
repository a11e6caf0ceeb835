package carry

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"parley/oss"
)

// maxAnswer bounds what is read of an answer, in bytes. Errors have about 500.
const maxAnswer = 64 << 10

// refusal is the document that S3, OSS and OBS answer errors with. Amazon S3 API
// Reference, "Error responses"; the others have these elements too.
type refusal struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	RequestID string `xml:"RequestId"`
}

var (
	errNoETag  = errors.New("the answer has no ETag")
	errTooSoon = errors.New("the provider was content before it had the body")
)

// read takes the ETag or the error from an answer.
func read(response *http.Response, provider string, body *exact) (etag string, err error) {
	text, readErr := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	failure := &oss.ProviderError{Provider: provider, Op: op, Status: response.StatusCode, RequestID: requestID(response.Header)}
	if response.StatusCode/100 == 2 {
		etag = strings.Trim(response.Header.Get("ETag"), `"`)
		switch {
		case !body.all():
			failure.Err = errTooSoon
		case etag == "":
			failure.Err = errNoETag
		default:
			return etag, nil
		}
		failure.Status = 0 // it is no answer
		return "", failure
	}
	var r refusal
	// Whatever could be read of the document is better than nothing; proxies
	// answer in HTML, of which nothing can.
	_ = xml.Unmarshal(text, &r)
	failure.Code = r.Code
	failure.RequestID = cmp.Or(failure.RequestID, r.RequestID)
	if r.Code == "NoSuchUpload" {
		return "", fmt.Errorf("%s: %s: request id %q: %w", provider, op, failure.RequestID, oss.ErrNoUpload)
	}
	failure.Err = errors.Join(errAnswer, readErr)
	return "", failure
}

// requestID returns that of the first cloud that has one.
func requestID(h http.Header) string {
	return cmp.Or(h.Get("X-Amz-Request-Id"), h.Get("X-Oss-Request-Id"), h.Get("X-Obs-Request-Id"))
}
