package cloud

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"parley/oss"
)

// Bucket is a bucket at a cloud, with its temporary credentials.
type Bucket interface {
	oss.Provider
	oss.Issuer
}

// Subject is the adapter of a cloud, to be tested at a fake of it.
type Subject struct {
	Provider string // its name
	Nobody   string // an endpoint at which nothing listens
	// Open returns a new fake and a bucket at it, whose configuration change, if it is
	// not nil, has changed.
	Open func(t *testing.T, change func(*oss.BucketConfig)) (*Server, Bucket)
}

const plainText = "text/plain; charset=utf-8"

// Run tests what the adapters of clouds have in common beside what every provider
// must do: how they ask, and what they say of failures.
func Run(t *testing.T, s Subject) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, Subject)
	}{
		{"a call is one attempt", oneAttempt},
		{"a refusal says what the cloud said, and no secret", refusal},
		{"an error of the connection has no URL", noConnection},
		{"a missing bucket is no missing object", noBucket},
		{"a part that comes twice is wrong", twiceAPart},
		{"anybody reads an object, and nobody lists them", readByAnybody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, s)
		})
	}
}

func oneAttempt(t *testing.T, s Subject) {
	fake, bucket := s.Open(t, nil)
	for name, call := range calls(bucket) {
		fake.Faults.Fail(1)
		before := fake.Faults.Requests()
		err := call(t.Context())
		if n := fake.Faults.Requests() - before; n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		var e *oss.ProviderError
		if !errors.As(err, &e) || e.Provider != s.Provider || e.Op == "" || e.Status != 503 || e.Err == nil || !e.Temporary() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.RequestID == "" || name != "stat" && e.Code != "ServiceUnavailable" {
			t.Errorf("%s: code %q, request id %q", name, e.Code, e.RequestID)
		}
	}
}

// calls are all that make a request for objects.
func calls(b Bucket) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"put empty": func(ctx context.Context) error { return b.PutEmpty(ctx, "a", plainText) },
		"stat":      func(ctx context.Context) error { _, err := b.Stat(ctx, "a"); return err },
		"start":     func(ctx context.Context) error { _, err := b.Start(ctx, "a", plainText); return err },
		"complete":  func(ctx context.Context) error { return b.Complete(ctx, "a", "u", []oss.Part{{Number: 1, ETag: "e"}}) },
		"abort":     func(ctx context.Context) error { return b.Abort(ctx, "a", "u") },
	}
}

func refusal(t *testing.T, s Subject) {
	_, bucket := s.Open(t, func(c *oss.BucketConfig) { c.AccessKeySecret = "quite another secret" })
	for name, call := range calls(bucket) {
		err := call(t.Context())
		var e *oss.ProviderError
		if !errors.As(err, &e) || e.Status != 403 || e.Code != "SignatureDoesNotMatch" || e.RequestID == "" || e.Temporary() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if said := err.Error(); strings.Contains(said, "secret") || strings.Contains(said, "://") {
			t.Errorf("%s tells: %s", name, said)
		}
	}
}

func noConnection(t *testing.T, s Subject) {
	_, bucket := s.Open(t, func(c *oss.BucketConfig) {
		c.Endpoint, c.TokenEndpoint = s.Nobody, "http://127.0.0.1:1"
	})
	all := calls(bucket)
	all["issue"] = func(ctx context.Context) error { _, err := bucket.Issue(ctx); return err }
	for name, call := range all {
		err := call(t.Context())
		var e *oss.ProviderError
		if !errors.As(err, &e) || e.Status != 0 || !e.Temporary() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if said := err.Error(); strings.Contains(said, "http://") || strings.Contains(said, "ignature") {
			t.Errorf("%s tells: %s", name, said)
		}
	}
}

func noBucket(t *testing.T, s Subject) {
	_, bucket := s.Open(t, func(c *oss.BucketConfig) { c.Bucket = "another-bucket" })
	_, err := bucket.Stat(t.Context(), "a")
	var e *oss.ProviderError
	if !errors.As(err, &e) || e.Code != "NoSuchBucket" || errors.Is(err, oss.ErrNoObject) {
		t.Errorf("an object of a bucket that is not there: %v", err)
	}
}

func twiceAPart(t *testing.T, s Subject) {
	_, bucket := s.Open(t, nil)
	upload, err := bucket.Start(t.Context(), "a", plainText)
	if err != nil {
		t.Fatal(err)
	}
	parts := []oss.Part{{Number: 1, ETag: "e"}, {Number: 1, ETag: "e"}}
	if err := bucket.Complete(t.Context(), "a", upload, parts); !errors.Is(err, oss.ErrWrongPart) {
		t.Errorf("a part twice: %v", err)
	}
}

func readByAnybody(t *testing.T, s Subject) {
	fake, bucket := s.Open(t, nil)
	if err := fake.Place("a/b c.txt", plainText, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	object := bucket.Host("") + "/" + oss.Key("a/b c.txt").Escape()
	for _, c := range []struct {
		method, url, ranged string
		status              int
		body                string
	}{
		{http.MethodGet, object, "", 200, "0123456789"},
		{http.MethodGet, object, "bytes=2-4", 206, "234"},
		{http.MethodGet, object, "bytes=-3", 206, "789"},
		{http.MethodHead, object, "", 200, ""},
		{http.MethodHead, object + "x", "", 404, ""},
		{http.MethodDelete, object, "", 403, "AccessDenied"},
		{http.MethodPut, object, "", 403, "AccessDenied"},
		{http.MethodPost, object + "?uploads", "", 403, "AccessDenied"},
		{http.MethodGet, bucket.Host("") + "/", "", 403, "AccessDenied"},
	} {
		header := map[string]string{}
		if c.ranged != "" {
			header["Range"] = c.ranged
		}
		a := Ask(t, c.method, c.url, header, "")
		if a.Status != c.status || a.Body != c.body && a.Code != c.body {
			t.Errorf("%s %s %s: status %d, %s", c.method, c.url, c.ranged, a.Status, a.Body)
		}
	}
	if stat, err := bucket.Stat(t.Context(), "a/b c.txt"); err != nil || stat.Size != 10 || stat.Modified.IsZero() {
		t.Errorf("the object is %+v, %v", stat, err)
	}
}
