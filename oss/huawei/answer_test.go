package huawei_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"parley/oss"
	"parley/oss/huawei"
)

// answering returns a bucket at a server that answers everything alike.
func answering(t *testing.T, status int, body string) *huawei.Bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := huawei.New(oss.BucketConfig{
		Endpoint: "http://localhost:" + u.Port(), Region: "cn-north-4", Bucket: "bucket", AccessKeyID: "id", AccessKeySecret: "secret",
		Role: "role", RoleDomain: "domain", TokenEndpoint: server.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func TestAnAnswerThatIsNoneIsAFailure(t *testing.T) {
	t.Parallel()
	const late = `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>`
	for _, c := range []struct {
		status int
		body   string
	}{{200, late}, {200, "<html>"}, {200, "{}"}, {200, ""}, {502, "<html>bad gateway</html>"}, {301, ""}} {
		bucket := answering(t, c.status, c.body)
		_, startErr := bucket.Start(t.Context(), "a", text)
		_, issueErr := bucket.Issue(t.Context())
		errs := map[string]error{"start": startErr, "issue": issueErr}
		if c.body != "" && c.body != "{}" || c.status != 200 {
			errs["complete"] = bucket.Complete(t.Context(), "a", "u", []oss.Part{{Number: 1, ETag: "e"}})
		}
		for name, err := range errs {
			var e *oss.ProviderError
			if !errors.As(err, &e) {
				t.Errorf("%s answered with %d, %q: %v", name, c.status, c.body, err)
			} else if c.status >= 300 && name != "issue" && e.Status != c.status {
				t.Errorf("%s answered with %d: %v", name, c.status, err)
			}
		}
	}
}

func TestAHeadWithoutACodeSaysByItsStatusThatNothingIsThere(t *testing.T) {
	t.Parallel()
	for status, missing := range map[int]bool{404: true, 403: false, 400: false, 500: false} {
		_, err := answering(t, status, "").Stat(t.Context(), "a")
		if errors.Is(err, oss.ErrNoObject) != missing || err == nil {
			t.Errorf("status %d: %v", status, err)
		}
		var e *oss.ProviderError
		if !missing && (!errors.As(err, &e) || e.Status != status) {
			t.Errorf("status %d: %s", status, fmt.Sprint(err))
		}
	}
}
