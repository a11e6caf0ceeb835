package huaweitest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/oss/osstest/cloud"
)

// TestWhatIsSignedIsWhatTheVendorDocuments has the examples of "Authentication of
// Signature in a Header" in the API reference of OBS, tables 2 to 6. The vendor
// publishes no signature whose secret is known.
func TestWhatIsSignedIsWhatTheVendorDocuments(t *testing.T) {
	t.Parallel()
	const day = "Tue, 15 Oct 2015 07:20:09 GMT"
	for _, c := range []struct {
		name, method, query string
		header              map[string]string
		want                string
	}{
		{"obtaining an object", "GET", "", map[string]string{"Date": "Sat, 12 Oct 2015 08:12:38 GMT"},
			"GET\n\n\nSat, 12 Oct 2015 08:12:38 GMT\n/bucket/object.txt"},
		{"uploading with a token", "PUT", "", map[string]string{"User-Agent": "curl/7.15.5", "x-obs-date": day, "x-obs-security-token": "YwkaRTbdY8g7q....", "content-type": "text/plain"},
			"PUT\n\ntext/plain\n\nx-obs-date:" + day + "\nx-obs-security-token:YwkaRTbdY8g7q....\n/bucket/object.txt"},
		{"uploading with header fields", "PUT", "", map[string]string{"Date": "Mon, 14 Oct 2015 12:08:34 GMT", "x-obs-acl": "public-read", "content-type": "text/plain"},
			"PUT\n\ntext/plain\nMon, 14 Oct 2015 12:08:34 GMT\nx-obs-acl:public-read\n/bucket/object.txt"},
		{"obtaining an ACL", "GET", "acl", map[string]string{"Date": "Sat, 12 Oct 2015 08:12:38 GMT"},
			"GET\n\n\nSat, 12 Oct 2015 08:12:38 GMT\n/bucket/object.txt?acl"},
		{"uploading with an MD5", "PUT", "", map[string]string{"x-obs-date": day, "Content-MD5": "I5pU0r4+sgO9Emgl1KMQUg=="},
			"PUT\nI5pU0r4+sgO9Emgl1KMQUg==\n\n\nx-obs-date:" + day + "\n/bucket/object.txt"},
		{"several subresources", "GET", "versionId=xxx&response-content-type=text%2Fplain&max-keys=1", map[string]string{},
			"GET\n\n\n\n/bucket/object.txt?response-content-type=text/plain&versionId=xxx"},
	} {
		r := &http.Request{Method: c.method, URL: &url.URL{RawQuery: c.query}, Header: http.Header{}}
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		date := r.Header.Get("Date")
		if got := stringToSign(r, cloud.Target{Bucket: "bucket", Key: "object.txt", Escaped: "object.txt"}, date); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestASignatureInTheHeaderIsOfItsTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: "ak", Secret: "sk"})
	v := &verifier{keys: keys, now: func() time.Time { return now }}
	target := cloud.Target{Bucket: "bucket", Key: "a", Escaped: "a"}
	for _, c := range []struct {
		header string
		off    time.Duration
		code   string
	}{
		{"Date", 0, ""},
		{"Date", 15 * time.Minute, ""},
		{"Date", 15*time.Minute + time.Second, "RequestTimeTooSkewed"},
		{"Date", -15*time.Minute - time.Second, "RequestTimeTooSkewed"},
		{"x-obs-date", time.Minute, ""},
		{"x-obs-date", time.Hour, "RequestTimeTooSkewed"},
		{"X-Another", 0, "AccessDenied"},
	} {
		r := &http.Request{Method: http.MethodPut, URL: &url.URL{}, Header: http.Header{}}
		r.Header.Set(c.header, now.Add(c.off).Format(http.TimeFormat))
		r.Header.Set("Authorization", "OBS ak:"+sign("sk", stringToSign(r, target, r.Header.Get("Date"))))
		code := ""
		if _, e := v.verify(r, target); e != nil {
			code = e.Code
		}
		if code != c.code {
			t.Errorf("%s, %v off: %q, want %q", c.header, c.off, code, c.code)
		}
	}
}

// published are the signatures in the tests of the vendor's SDK for its APIs
// (core/auth/signer/signer_test.go of huaweicloud-sdk-go-v3).
var published = []struct {
	method, query, body, signature string
}{
	{"GET", "limit=1", "", "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624"},
	{"POST", "key=value", "{\"Name\":\"test\",\"Id\":1}\n", "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59"},
}

func TestASignatureOfAnAPIIsOfOneRequest(t *testing.T) {
	t.Parallel()
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: "AccessKey", Secret: "SecretKey"})
	signedAt := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, p := range published {
		for _, c := range []struct {
			name   string
			change func(*http.Request)
			body   string
			later  time.Duration
			ok     bool
		}{
			{"as it is", func(*http.Request) {}, p.body, time.Minute, true},
			{"another method", func(r *http.Request) { r.Method = http.MethodPut }, p.body, 0, false},
			{"another path", func(r *http.Request) { r.URL.Path = "/paths" }, p.body, 0, false},
			{"another query", func(r *http.Request) { r.URL.RawQuery += "&a=b" }, p.body, 0, false},
			{"another body", func(*http.Request) {}, p.body + " ", 0, false},
			{"another time", func(r *http.Request) { r.Header.Set("X-Sdk-Date", "20060102T150406Z") }, p.body, 0, false},
			{"another key", func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AccessKey", "Another", 1))
			}, p.body, 0, false},
			{"too late", func(*http.Request) {}, p.body, 16 * time.Minute, false},
		} {
			r := &http.Request{
				Method: p.method, URL: &url.URL{Path: "/path", RawQuery: p.query}, Body: io.NopCloser(strings.NewReader(p.body)),
				Header: http.Header{
					"X-Sdk-Date":    {"20060102T150405Z"},
					"Authorization": {"SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=x-sdk-date, Signature=" + p.signature},
				},
			}
			c.change(r)
			s := &tokenService{keys: keys, now: func() time.Time { return signedAt.Add(c.later) }}
			if e := s.authenticate(r, []byte(c.body)); (e == nil) != c.ok {
				t.Errorf("%s, %s: %+v", p.method, c.name, e)
			}
		}
	}
}
