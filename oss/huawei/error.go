package huawei

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"

	"parley/oss"
	"parley/oss/outbound"
)

// failure returns err as the failure of the provider.
func failure(op string, err error) error {
	e := &oss.ProviderError{Provider: oss.Huaweiyun, Op: op}
	var service obs.ObsError
	if errors.As(err, &service) {
		e.Status, e.Code, e.RequestID = service.StatusCode, service.Code, service.RequestId
		e.Err = outbound.Words(service.Message)
	} else {
		e.Err = outbound.Cause(err)
	}
	return e
}

// code returns the code of the service, or "".
func code(err error) string {
	var service obs.ObsError
	_ = errors.As(err, &service)
	return service.Code
}

// missing reports whether err says that an object is not there. The answer to a HEAD
// request has no body, and its code only where the service sends x-obs-error-code.
func missing(err error) bool {
	var service obs.ObsError
	if !errors.As(err, &service) {
		return false
	}
	return service.Code == "NoSuchKey" || service.Code == "" && service.StatusCode == http.StatusNotFound
}

// address returns a signed URL as anybody can reach it. The domain of a bucket below
// localhost is known to few resolvers: the URL then says localhost, and the header
// whom the request is for.
func (b *Bucket) address(signed string, header map[string]string) (string, error) {
	host := b.config.Bucket + "." + b.endpoint.Hostname()
	if !outbound.IsLocal(host) {
		return signed, nil
	}
	u, err := url.Parse(signed)
	if err != nil {
		return "", err
	}
	before, after, ok := strings.Cut(signed, "://"+host)
	if !ok {
		return "", errors.New("the signed URL has another host")
	}
	header["Host"] = u.Host
	return before + "://" + outbound.Localhost + after, nil
}
