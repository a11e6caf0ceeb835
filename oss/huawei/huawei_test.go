package huawei_test

import (
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

func TestABucketOfHuaweiDoesWhatEveryCloudDoes(t *testing.T) {
	t.Parallel()
	cloud.Run(t, cloud.Subject{
		Provider: oss.Huaweiyun, Nobody: "http://localhost:1",
		Open: func(t *testing.T, change func(*oss.BucketConfig)) (*cloud.Server, cloud.Bucket) {
			fake, bucket := open(t, change)
			return fake.Server, bucket
		},
	})
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
