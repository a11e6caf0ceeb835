package huawei_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/huawei"
	"parley/oss/huawei/huaweitest"
	"parley/oss/osstest/cloud"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/oss/") }

// open returns a fake and the bucket at it, whose configuration may be changed.
func open(t *testing.T, change func(*oss.BucketConfig)) (*huaweitest.Fake, *huawei.Bucket) {
	t.Helper()
	fake := huaweitest.New(t)
	config := fake.Bucket()
	if change != nil {
		change(&config)
	}
	bucket, err := huawei.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return fake, bucket
}

const text = "text/plain; charset=utf-8"

func signPart(t *testing.T, b *huawei.Bucket, upload string, size int64) oss.Signed {
	t.Helper()
	s, err := b.SignPart(t.Context(), oss.PutPart{Key: "a b/c.txt", Upload: upload, Number: 3, Size: size, Expires: time.Now().Add(10 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signPut(t *testing.T, b *huawei.Bucket, key oss.Key, size int64) oss.Signed {
	t.Helper()
	s, err := b.SignPut(t.Context(), oss.Put{Key: key, Size: size, ContentType: text, Expires: time.Now().Add(10 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSignedIsGoodForOneRequestOnly(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, nil)
	_, stranger := open(t, func(c *oss.BucketConfig) {
		c.Endpoint, c.AccessKeySecret = fake.Bucket().Endpoint, "another secret"
	})
	upload, err := bucket.Start(t.Context(), "a b/c.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	param := func(name, value string) func(*oss.Signed) {
		return func(s *oss.Signed) {
			u, _ := url.Parse(s.URL)
			q := u.Query()
			q.Set(name, value)
			u.RawQuery = q.Encode()
			s.URL = u.String()
		}
	}
	const mismatch = "SignatureDoesNotMatch"
	for _, c := range []struct {
		name   string
		change func(*oss.Signed)
		body   string
		status int
		code   string
	}{
		{"as it is", func(*oss.Signed) {}, "hello", 200, ""},
		{"another method", func(s *oss.Signed) { s.Method = http.MethodDelete }, "hello", 403, mismatch},
		{"another key", func(s *oss.Signed) { s.URL = strings.Replace(s.URL, "c.txt", "d.txt", 1) }, "hello", 403, mismatch},
		{"another part", param("partNumber", "4"), "hello", 403, mismatch},
		{"another upload", param("uploadId", "0123456789ABCDEF"), "hello", 403, mismatch},
		{"one more parameter", param("acl", "public-read-write"), "hello", 403, mismatch},
		{"a later end", param("Expires", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)), "hello", 403, mismatch},
		{"an end that is over", param("Expires", strconv.FormatInt(time.Now().Add(-time.Minute).Unix(), 10)), "hello", 403, "AccessDenied"},
		{"no end", param("Expires", ""), "hello", 403, "AccessDenied"},
		{"another signer", param("AccessKeyId", "ANOTHER"), "hello", 403, "InvalidAccessKeyId"},
		{"another content type", func(s *oss.Signed) { s.Header["Content-Type"] = "text/html" }, "hello", 403, mismatch},
		{"a permission", func(s *oss.Signed) { s.Header["x-obs-acl"] = "public-read-write" }, "hello", 403, mismatch},
		{"a longer body, which is not signed", func(*oss.Signed) {}, "hello!", 200, ""},
		{"the secret of another", func(s *oss.Signed) { *s = signPart(t, stranger, upload, 5) }, "hello", 403, mismatch},
		{"no signature", func(s *oss.Signed) { s.URL, _, _ = strings.Cut(s.URL, "?") }, "hello", 403, "AccessDenied"},
	} {
		s := signPart(t, bucket, upload, 5)
		c.change(&s)
		a := cloud.Ask(t, s.Method, s.URL, s.Header, c.body)
		if a.Status != c.status || a.Code != c.code {
			t.Errorf("%s: status %d, code %q, want %d, %q", c.name, a.Status, a.Code, c.status, c.code)
		}
		if a.Code != "" && (a.RequestID == "" || a.Header.Get("x-obs-request-id") != a.RequestID) {
			t.Errorf("%s: the request ids are %q and %q", c.name, a.RequestID, a.Header.Get("x-obs-request-id"))
		}
	}
}

func TestASignedObjectBindsItsContentType(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, nil)
	s := signPut(t, bucket, "page", 5)
	if s.Provider != oss.Huaweiyun || s.Method != http.MethodPut || s.Header["Content-Type"] != text || s.Header["Content-Length"] != "5" {
		t.Errorf("what is signed is %s %s %v", s.Provider, s.Method, s.Header)
	}
	s.Header["Content-Type"] = "text/html"
	if a := cloud.Ask(t, s.Method, s.URL, s.Header, "hello"); a.Code != "SignatureDoesNotMatch" {
		t.Errorf("another content type: status %d, code %q", a.Status, a.Code)
	}
	s.Header["Content-Type"] = text
	if a := cloud.Ask(t, s.Method, s.URL, s.Header, "hello"); a.Status != http.StatusOK {
		t.Errorf("as it is: status %d, code %q", a.Status, a.Code)
	}
}

func TestNothingIsSignedThatHasEnded(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, nil)
	for _, left := range []time.Duration{-time.Hour, 0, 900 * time.Millisecond} {
		s, err := bucket.SignPut(t.Context(), oss.Put{Key: "a", Size: 1, ContentType: text, Expires: time.Now().Add(left)})
		if err == nil {
			t.Errorf("with %v left: %v", left, s.Expires)
		}
	}
}

func TestACallIsOneAttempt(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, nil)
	for name, call := range calls(bucket) {
		fake.Faults.Fail(1)
		before := fake.Faults.Requests()
		err := call(t.Context())
		if n := fake.Faults.Requests() - before; n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		var e *oss.ProviderError
		if !errors.As(err, &e) || e.Provider != oss.Huaweiyun || e.Op == "" || e.Status != 503 || e.Err == nil || !e.Temporary() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.RequestID == "" || name != "stat" && e.Code != "ServiceUnavailable" {
			t.Errorf("%s: code %q, request id %q", name, e.Code, e.RequestID)
		}
	}
}

// calls are all that make a request for objects.
func calls(b *huawei.Bucket) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"put empty": func(ctx context.Context) error { return b.PutEmpty(ctx, "a", text) },
		"stat":      func(ctx context.Context) error { _, err := b.Stat(ctx, "a"); return err },
		"start":     func(ctx context.Context) error { _, err := b.Start(ctx, "a", text); return err },
		"complete":  func(ctx context.Context) error { return b.Complete(ctx, "a", "u", []oss.Part{{Number: 1, ETag: "e"}}) },
		"abort":     func(ctx context.Context) error { return b.Abort(ctx, "a", "u") },
	}
}

func TestARefusalSaysWhatTheCloudSaidAndNoSecret(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, func(c *oss.BucketConfig) { c.AccessKeySecret = "quite another secret" })
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

func TestAnErrorOfTheConnectionHasNoURL(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, func(c *oss.BucketConfig) {
		c.Endpoint, c.TokenEndpoint = "http://localhost:1", "http://127.0.0.1:1"
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

func TestAMissingBucketIsNoMissingObject(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, func(c *oss.BucketConfig) { c.Bucket = "another-bucket" })
	_, err := bucket.Stat(t.Context(), "a")
	var e *oss.ProviderError
	if !errors.As(err, &e) || e.Code != "NoSuchBucket" || errors.Is(err, oss.ErrNoObject) {
		t.Errorf("an object of a bucket that is not there: %v", err)
	}
}

func TestPartsOutOfOrderAreWrong(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, nil)
	upload, err := bucket.Start(t.Context(), "a", text)
	if err != nil {
		t.Fatal(err)
	}
	parts := []oss.Part{{Number: 1, ETag: "e"}, {Number: 1, ETag: "e"}}
	if err := bucket.Complete(t.Context(), "a", upload, parts); !errors.Is(err, oss.ErrWrongPart) {
		t.Errorf("a part twice: %v", err)
	}
}

func TestAnybodyReadsAnObjectAndNobodyListsThem(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, nil)
	if err := fake.Place("a/b c.txt", text, []byte("0123456789")); err != nil {
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
		a := cloud.Ask(t, c.method, c.url, header, "")
		if a.Status != c.status || a.Body != c.body && a.Code != c.body {
			t.Errorf("%s %s %s: status %d, %s", c.method, c.url, c.ranged, a.Status, a.Body)
		}
	}
	if s, err := bucket.Stat(t.Context(), "a/b c.txt"); err != nil || s.Size != 10 || s.Modified.IsZero() {
		t.Errorf("the object is %+v, %v", s, err)
	}
}

func TestABucketIsReadAndWrittenUnderItsDomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ endpoint, public, host, signed, header string }{
		{"https://obs.cn-north-4.myhuaweicloud.com", "", "https://pictures.obs.cn-north-4.myhuaweicloud.com", "https://pictures.obs.cn-north-4.myhuaweicloud.com:443/a/b?", ""},
		{"obs.cn-north-4.myhuaweicloud.com/", "", "https://pictures.obs.cn-north-4.myhuaweicloud.com", "https://pictures.obs.cn-north-4.myhuaweicloud.com:443/a/b?", ""},
		{"http://localhost:9000", "https://cdn.example.com/p", "https://cdn.example.com/p", "http://localhost:9000/a/b?", "pictures.localhost:9000"},
		{"http://obs.localhost:9000", "", "http://pictures.obs.localhost:9000", "http://localhost:9000/a/b?", "pictures.obs.localhost:9000"},
	} {
		bucket, err := huawei.New(oss.BucketConfig{
			Endpoint: c.endpoint, Region: "cn-north-4", Bucket: "pictures", PublicURL: c.public, AccessKeyID: "id", AccessKeySecret: "secret",
		})
		if err != nil {
			t.Errorf("%s: %v", c.endpoint, err)
			continue
		}
		if host := bucket.Host("http://came.by.example"); host != c.host {
			t.Errorf("%s is read under %s, want %s", c.endpoint, host, c.host)
		}
		s := signPut(t, bucket, "a/b", 1)
		if !strings.HasPrefix(s.URL, c.signed+"AccessKeyId=id&") || s.Header["Host"] != c.header {
			t.Errorf("%s is written at %s with the host %q", c.endpoint, s.URL, s.Header["Host"])
		}
	}
}

func TestAConfigurationIsCheckedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	fake := huaweitest.New(t)
	for name, change := range map[string]func(*oss.BucketConfig){
		"no endpoint":               func(c *oss.BucketConfig) { c.Endpoint = "" },
		"an endpoint with a path":   func(c *oss.BucketConfig) { c.Endpoint += "/bucket" },
		"an endpoint of FTP":        func(c *oss.BucketConfig) { c.Endpoint = "ftp://example.com" },
		"an IP address":             func(c *oss.BucketConfig) { c.Endpoint = "http://127.0.0.1:9000" },
		"no region for tokens":      func(c *oss.BucketConfig) { c.Region, c.TokenEndpoint = "", "" },
		"no account of the agency":  func(c *oss.BucketConfig) { c.RoleDomain = "" },
		"no bucket":                 func(c *oss.BucketConfig) { c.Bucket = "" },
		"no key":                    func(c *oss.BucketConfig) { c.AccessKeyID = "" },
		"no secret":                 func(c *oss.BucketConfig) { c.AccessKeySecret = "" },
		"a life too short":          func(c *oss.BucketConfig) { c.TokenLife = 14 * time.Minute },
		"a life too long":           func(c *oss.BucketConfig) { c.TokenLife = 25 * time.Hour },
		"a prefix of a policy":      func(c *oss.BucketConfig) { c.TokenPrefix = "a*" },
		"a token endpoint too much": func(c *oss.BucketConfig) { c.TokenEndpoint += "/path" },
	} {
		config := fake.Bucket()
		change(&config)
		_, err := huawei.New(config)
		if err == nil {
			t.Errorf("%s: it is taken", name)
		} else if config.AccessKeySecret != "" && strings.Contains(err.Error(), config.AccessKeySecret) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
	if n := fake.Faults.Requests() + fake.Tokens.Requests(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestABodyMustSayItsLength(t *testing.T) {
	t.Parallel()
	_, bucket := open(t, nil)
	s := signPut(t, bucket, "a", 5)
	r, err := http.NewRequestWithContext(t.Context(), s.Method, s.URL, struct{ *strings.Reader }{strings.NewReader("hello")})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", text)
	r.ContentLength, r.Host = -1, s.Header["Host"]
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode != http.StatusLengthRequired {
		t.Errorf("a body without a length: status %d", a.StatusCode)
	}
}
