package minio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/carry"
	"parley/oss/minio"
	"parley/oss/minio/miniotest"
	"parley/oss/osstest"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/oss/") }

func open(t testing.TB, config oss.BucketConfig) (*minio.Bucket, *carry.HTTP) {
	t.Helper()
	bucket, err := minio.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bucket.Close)
	carrier := carry.New(nil)
	t.Cleanup(carrier.Close)
	return bucket, carrier
}

func TestABucketOfAnS3ServerDoesWhatEveryProviderMust(t *testing.T) {
	t.Parallel()
	osstest.Run(t, func(t testing.TB) osstest.Fixture {
		config, faults := miniotest.Relay(t, miniotest.Bucket(t))
		bucket, carrier := open(t, config)
		client := &http.Client{Transport: new(http.Transport)}
		t.Cleanup(client.CloseIdleConnections)
		return osstest.Fixture{
			Provider: bucket,
			Carrier:  carrier,
			Get:      osstest.Reader(client, bucket.Host("")),
			MinPart:  5 << 20,
			// What versitygw 1.8.0 is like, and MinIO is not.
			PathKeys:    true,
			LaxComplete: true,
			Faults:      faults,
		}
	})
}

// good is a configuration, of a server that is not there.
func good() oss.BucketConfig {
	return oss.BucketConfig{Endpoint: "http://127.0.0.1:1", Bucket: "bucket", AccessKeyID: "id", AccessKeySecret: "5ecret"}
}

func TestAWrongConfigurationIsToldWithoutItsSecret(t *testing.T) {
	t.Parallel()
	if _, err := minio.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*oss.BucketConfig){
		"no endpoint":                func(c *oss.BucketConfig) { c.Endpoint = "" },
		"an endpoint without scheme": func(c *oss.BucketConfig) { c.Endpoint = "minio:9000" },
		"an endpoint of files":       func(c *oss.BucketConfig) { c.Endpoint = "file:///tmp" },
		"an endpoint with a path":    func(c *oss.BucketConfig) { c.Endpoint += "/bucket" },
		"an endpoint with keys":      func(c *oss.BucketConfig) { c.Endpoint = "http://u:5ecret@minio:9000" },
		"no bucket":                  func(c *oss.BucketConfig) { c.Bucket = "" },
		"no key":                     func(c *oss.BucketConfig) { c.AccessKeyID = "" },
		"no secret":                  func(c *oss.BucketConfig) { c.AccessKeySecret = "" },
		"a short life":               func(c *oss.BucketConfig) { c.TokenLife = 15*time.Minute - time.Second },
		"a long life":                func(c *oss.BucketConfig) { c.TokenLife = 7*24*time.Hour + time.Second },
		"a wild prefix":              func(c *oss.BucketConfig) { c.TokenPrefix = "up/*" },
		"a variable prefix":          func(c *oss.BucketConfig) { c.TokenPrefix = "up/${aws:username}" },
		"a wrong token endpoint":     func(c *oss.BucketConfig) { c.TokenEndpoint = "sts" },
	} {
		config := good()
		spoil(&config)
		if _, err := minio.New(config); err == nil {
			t.Errorf("%s is fine", name)
		} else if strings.Contains(err.Error(), "5ecret") {
			t.Errorf("%s: the secret is told", name)
		}
	}
}

func TestObjectsAreReadAtThePublicURLOrTheEndpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ endpoint, public, want string }{
		{"http://minio:9000", "", "http://minio:9000/bucket"},
		{"http://minio:9000/", "", "http://minio:9000/bucket"},
		{"http://minio:9000", "https://files.example.com", "https://files.example.com"},
		{"http://minio:9000", "https://files.example.com/a/", "https://files.example.com/a"},
	} {
		config := good()
		config.Endpoint, config.PublicURL = c.endpoint, c.public
		bucket, _ := open(t, config)
		if got := bucket.Host("http://192.0.2.1:8888"); got != c.want {
			t.Errorf("%q and %q make %q, want %q", c.endpoint, c.public, got, c.want)
		}
	}
}

func TestASignatureIsGoodForWhatS3Allows(t *testing.T) {
	t.Parallel()
	bucket, _ := open(t, good())
	for life, fine := range map[time.Duration]bool{
		-time.Second: false, 0: false, 2 * time.Second: true, 7*24*time.Hour - time.Second: true, 7*24*time.Hour + 2*time.Second: false,
	} {
		expires := time.Now().Add(life)
		put, err := bucket.SignPut(t.Context(), oss.Put{Key: "key", Size: 1, ContentType: "image/png", Expires: expires})
		if (err == nil) != fine {
			t.Errorf("an object, for %v: %v", life, err)
		}
		part, err := bucket.SignPart(t.Context(), oss.PutPart{Key: "key", Upload: "u", Number: 1, Size: 1, Expires: expires})
		if (err == nil) != fine {
			t.Errorf("a part, for %v: %v", life, err)
		}
		if fine && (put.Expires != expires || part.Expires != expires || put.Provider != oss.Minio || part.Method != http.MethodPut) {
			t.Errorf("what was signed says %v, %v", put.Expires, part.Expires)
		}
	}
}

// TestTheServerHoldsToWhatWasSigned sends without the carrier, which has a look
// itself.
func TestTheServerHoldsToWhatWasSigned(t *testing.T) {
	t.Parallel()
	bucket, _ := open(t, miniotest.Bucket(t))
	expires := time.Now().Add(time.Minute)
	put, err := bucket.SignPut(t.Context(), oss.Put{Key: "a b+c$%/ü", Size: 5, ContentType: "image/png", Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	upload, err := bucket.Start(t.Context(), "part", "image/png")
	if err != nil {
		t.Fatal(err)
	}
	part, err := bucket.SignPart(t.Context(), oss.PutPart{Key: "part", Upload: upload, Number: 1, Size: 5, Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: new(http.Transport)}
	t.Cleanup(client.CloseIdleConnections)
	try := func(method, url, contentType, body string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	const png = "image/png"
	for what, status := range map[string]int{
		"another type":   try("PUT", put.URL, "text/html", "bytes"),
		"a byte more":    try("PUT", put.URL, png, "bytes!"),
		"a byte less":    try("PUT", put.URL, png, "byte"),
		"another key":    try("PUT", strings.Replace(put.URL, "%2Bc", "%2Bd", 1), png, "bytes"),
		"another method": try("DELETE", put.URL, png, "bytes"),
		"another number": try("PUT", strings.Replace(part.URL, "partNumber=1", "partNumber=2", 1), png, "bytes"),
		"a longer part":  try("PUT", part.URL, png, "bytes!"),
	} {
		if status != http.StatusForbidden {
			t.Errorf("%s has status %d", what, status)
		}
	}
	for what, status := range map[string]int{
		"the object": try("PUT", put.URL, png, "bytes"),
		"the part":   try("PUT", part.URL, "text/html", "bytes"), // only the length is signed
	} {
		if status != http.StatusOK {
			t.Errorf("%s has status %d", what, status)
		}
	}
}

func TestAWrongSecretIsAnErrorOfTheProvider(t *testing.T) {
	t.Parallel()
	config := miniotest.Bucket(t)
	config.AccessKeySecret = "5ecret"
	bucket, carrier := open(t, config)
	ctx := t.Context()
	signed, err := bucket.SignPut(ctx, oss.Put{Key: "key", Size: 1, ContentType: "image/png", Expires: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	_, sendErr := carrier.Send(ctx, signed, strings.NewReader("x"), 1)
	_, statErr := bucket.Stat(ctx, "key")
	_, startErr := bucket.Start(ctx, "key", "image/png")
	for op, err := range map[string]error{
		"send": sendErr, "stat": statErr, "start": startErr,
		"empty":    bucket.PutEmpty(ctx, "key", "image/png"),
		"complete": bucket.Complete(ctx, "key", "upload", []oss.Part{{Number: 1, ETag: "e"}}),
		"abort":    bucket.Abort(ctx, "key", "upload"),
	} {
		var refusal *oss.ProviderError
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", op, err)
			continue
		}
		if refusal.Status != 403 || refusal.Code == "" || refusal.Op == "" || refusal.RequestID == "" || refusal.Temporary() {
			t.Errorf("%s: %+v", op, refusal)
		}
		if strings.Contains(err.Error(), "5ecret") || strings.Contains(err.Error(), "http") {
			t.Errorf("%s tells too much: %v", op, err)
		}
	}
}

// answering is a bucket on a server that answers everything so.
func answering(t testing.TB, status int, header http.Header, body string) (*minio.Bucket, func() int) {
	t.Helper()
	server, requests := miniotest.Answer(t, status, header, body)
	config := good()
	config.Endpoint = server
	bucket, _ := open(t, config)
	return bucket, requests
}

func TestAnAnswerIsAskedForOnce(t *testing.T) {
	t.Parallel()
	for status := range map[int]bool{http.StatusInternalServerError: true, http.StatusServiceUnavailable: true, http.StatusTooManyRequests: true} {
		header := http.Header{"X-Amz-Request-Id": {"7"}}
		bucket, requests := answering(t, status, header, "<Error><Code>SlowDown</Code></Error>")
		_, startErr := bucket.Start(t.Context(), "key", "image/png")
		_, statErr := bucket.Stat(t.Context(), "key")
		for i, err := range []error{
			startErr, statErr, bucket.PutEmpty(t.Context(), "key", "image/png"),
			bucket.Complete(t.Context(), "key", "upload", []oss.Part{{Number: 1, ETag: "e"}}), bucket.Abort(t.Context(), "key", "upload"),
		} {
			var failure *oss.ProviderError
			if !errors.As(err, &failure) || failure.Status != status || failure.RequestID != "7" || !failure.Temporary() {
				t.Errorf("%d, request %d: %v", status, i, err)
			}
		}
		if n := requests(); n != 5 {
			t.Errorf("%d: 5 calls made %d requests", status, n)
		}
	}
}

func TestACompletionThatFailsAfterItsStatusIsAFailure(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"InternalError": nil, "InvalidPart": oss.ErrWrongPart, "InvalidPartOrder": oss.ErrWrongPart,
		"EntityTooSmall": oss.ErrPartTooSmall, "NoSuchUpload": oss.ErrNoUpload,
	} {
		bucket, _ := answering(t, http.StatusOK, nil, fmt.Sprintf("  <Error><Code>%s</Code><RequestId>8</RequestId></Error>", code))
		err := bucket.Complete(t.Context(), "key", "upload", []oss.Part{{Number: 1, ETag: "e"}})
		var failure *oss.ProviderError
		switch {
		case want != nil && !errors.Is(err, want):
			t.Errorf("%s: %v, want %v", code, err, want)
		case want == nil && (!errors.As(err, &failure) || !failure.Temporary() || failure.Code != code || failure.RequestID != "8"):
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestAnUploadWithoutAnIdIsNone(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", strings.Repeat("u", oss.MaxUploadID+1)} {
		bucket, _ := answering(t, http.StatusOK, nil, "<InitiateMultipartUploadResult><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
		if got, err := bucket.Start(t.Context(), "key", "image/png"); err == nil || got != "" {
			t.Errorf("%q was taken for an upload, %v", got, err)
		}
	}
}

func TestAServerThatIsNotThereIsTemporary(t *testing.T) {
	t.Parallel()
	bucket, _ := open(t, good()) // nobody listens on port 1
	_, err := bucket.Stat(t.Context(), "key")
	var failure *oss.ProviderError
	if !errors.As(err, &failure) || !failure.Temporary() || strings.Contains(err.Error(), "/bucket") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bucket.Stat(ctx, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
