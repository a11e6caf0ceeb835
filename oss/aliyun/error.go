package aliyun

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"parley/oss"
	"parley/oss/outbound"
)

// failure returns err as the failure of the provider.
func failure(op string, err error) *oss.ProviderError {
	e := &oss.ProviderError{Provider: oss.Aliyun, Op: op}
	var service sdk.ServiceError
	var status sdk.UnexpectedStatusCodeError
	switch {
	case errors.As(err, &service):
		e.Status, e.Code, e.RequestID = service.StatusCode, service.Code, service.RequestID
		e.Err = outbound.Words(service.Message)
	case errors.As(err, &status):
		e.Status, e.Err = status.Got(), outbound.Words(err.Error())
	default:
		e.Err = outbound.Cause(err)
	}
	return e
}

// code returns the code of the service, or "".
func code(err error) string {
	var service sdk.ServiceError
	_ = errors.As(err, &service)
	return service.Code
}

// missing reports whether err says that an object is not there. The answer to a HEAD
// request has no body, and its code only where the service sends x-oss-err.
func missing(err error) bool {
	var service sdk.ServiceError
	if !errors.As(err, &service) {
		return false
	}
	return service.Code == "NoSuchKey" || service.Code == "" && service.StatusCode == http.StatusNotFound
}

// stat reads the description of an object.
func stat(h http.Header) (oss.Stat, error) {
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || size < 0 {
		return oss.Stat{}, errors.New("the answer has no size of the object")
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return oss.Stat{}, fmt.Errorf("the answer has no time of the object: %w", err)
	}
	return oss.Stat{Size: size, Modified: modified.In(time.UTC), ETag: strings.Trim(h.Get("ETag"), `"`)}, nil
}
