package aliyun

import (
	"context"
	"net/http"
)

// answer is what the SDK keeps to itself of an answer that it cannot read, such as
// that of a proxy.
type answer struct {
	status    int
	requestID string
}

type answerKey struct{}

// watch returns a context whose request notes its answer.
func watch(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

// watcher is an http.RoundTripper that notes answers.
type watcher struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(r)
	if a, ok := r.Context().Value(answerKey{}).(*answer); ok && err == nil {
		a.status, a.requestID = response.StatusCode, response.Header.Get("x-oss-request-id")
	}
	return response, err
}

// failure returns err as the failure of the provider.
func (a *answer) failure(op string, err error) error {
	e := failure(op, err)
	if e.Status == 0 && a.status >= http.StatusMultipleChoices {
		e.Status, e.RequestID = a.status, a.requestID
	}
	return e
}
