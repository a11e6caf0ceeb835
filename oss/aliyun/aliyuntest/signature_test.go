package aliyuntest

import (
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"parley/oss/osstest/cloud"
)

// published is a signature that the vendor has published: in the tests of its SDKs
// for OSS, which all have the same ones (such as oss/signer/v4_test.go of
// alibabacloud-oss-go-sdk-v2). All are of PUT bucket/"1234+-/123/1.txt" by the key
// "ak" with the secret "sk".
type published struct {
	name       string
	at         int64 // Unix seconds
	token      string
	additional string
	inURL      bool
	signature  string
}

var publishedSignatures = []published{
	{"in the header", 1702743657, "", "", false, "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"},
	{"in the header, with a token", 1702784856, "token", "", false, "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"},
	{"in the header, with further headers", 1702747512, "", "abc;zabc", false, "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"},
	{"in the URL", 1702781677, "", "", true, "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe"},
	{"in the URL, with a token", 1702785388, "token", "", true, "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5"},
	{"in the URL, with further headers", 1702783809, "", "abc;zabc", true, "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7"},
}

// request returns the request that was signed.
func (p published) request() *http.Request {
	at := time.Unix(p.at, 0).UTC()
	credential := "ak/" + at.Format("20060102") + "/cn-hangzhou/oss/aliyun_v4_request"
	q := url.Values{"param1": {"value1"}, "+param1": {"value3"}, "|param1": {"value4"}, "+param2": {""}, "|param2": {""}, "param2": {""}}
	h := http.Header{"X-Oss-Head1": {"value"}, "Abc": {"value"}, "Zabc": {"value"}, "Xyz": {"value"}, "Content-Type": {"text/plain"}}
	if p.inURL {
		h.Set("Content-Type", "application/octet-stream")
		maps.Copy(q, url.Values{
			"x-oss-signature-version": {"OSS4-HMAC-SHA256"}, "x-oss-credential": {credential}, "x-oss-date": {at.Format(timeISO8601)},
			"x-oss-expires": {"599"}, "x-oss-signature": {p.signature},
		})
		if p.additional != "" {
			q.Set("x-oss-additional-headers", p.additional)
		}
		if p.token != "" {
			q.Set("x-oss-security-token", p.token)
		}
	} else {
		h.Set("x-oss-content-sha256", "UNSIGNED-PAYLOAD")
		h.Set("x-oss-date", at.Format(timeISO8601))
		auth := "OSS4-HMAC-SHA256 Credential=" + credential
		if p.additional != "" {
			auth += ",AdditionalHeaders=" + p.additional
		}
		h.Set("Authorization", auth+",Signature="+p.signature)
		if p.token != "" {
			h.Set("x-oss-security-token", p.token)
		}
	}
	return &http.Request{Method: http.MethodPut, Header: h, Host: "bucket.oss-cn-hangzhou.aliyuncs.com", URL: &url.URL{Path: "/1234+-/123/1.txt", RawQuery: q.Encode()}}
}

// verify verifies a request a while after it was signed.
func (p published) verify(r *http.Request, later time.Duration) *cloud.Error {
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: "ak", Secret: "sk", Token: p.token})
	v := &verifier{region: "cn-hangzhou", keys: keys, now: func() time.Time { return time.Unix(p.at, 0).Add(later) }}
	key, e := v.verify(r, cloud.Target{Bucket: "bucket", Key: "1234+-/123/1.txt"})
	if e == nil && (key == nil || key.ID != "ak") {
		return &cloud.Error{Code: "NoKey"}
	}
	return e
}

func TestTheSignaturesThatTheVendorPublishedAreVerified(t *testing.T) {
	t.Parallel()
	for _, p := range publishedSignatures {
		if e := p.verify(p.request(), time.Minute); e != nil {
			t.Errorf("%s: %v", p.name, e)
		}
	}
}

// TestWhatIsSignedIsWhatTheVendorDocuments has the example of "Include a V4 signature
// in the Authorization header" in the API reference of OSS. Its signing key is not that
// of the secret that the document shows, but its signature is that of the key.
func TestWhatIsSignedIsWhatTheVendorDocuments(t *testing.T) {
	t.Parallel()
	const (
		at        = "20250411T064124Z"
		scope     = "20250411/cn-hangzhou/oss/aliyun_v4_request"
		want      = "OSS4-HMAC-SHA256\n" + at + "\n" + scope + "\nc46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca"
		key       = "3543b7686e65eda71e5e5ca19d548d78423c37e8ddba4dc9d83f90228b457c76"
		signature = "053edbf550ebd239b32a9cdfd93b0b2b3f2d223083aa61f75e9ac16856d61f23"
	)
	r := &http.Request{Method: http.MethodPut, URL: &url.URL{}, ContentLength: 3, Header: http.Header{
		"Content-Disposition": {"attachment"}, "Content-Md5": {"ICy5YqxZB1uWSwcVLSNLcA=="}, "Content-Type": {"text/plain"},
		"X-Oss-Content-Sha256": {payload}, "X-Oss-Date": {at},
	}}
	text, e := stringToSign(r, cloud.Target{Bucket: "examplebucket", Key: "exampleobject"}, at, scope, "content-disposition;content-length")
	if e != nil || text != want {
		t.Errorf("the text to be signed is %q, %v, want %q", text, e, want)
	}
	signingKey, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(mac(signingKey, text)); got != signature {
		t.Errorf("the signature is %s, want %s", got, signature)
	}
}

func TestASignatureIsOfOneRequest(t *testing.T) {
	t.Parallel()
	for _, p := range publishedSignatures {
		for _, c := range []struct {
			name   string
			change func(*http.Request)
			code   string
		}{
			{"another method", func(r *http.Request) { r.Method = http.MethodDelete }, "SignatureDoesNotMatch"},
			{"another content type", func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, "SignatureDoesNotMatch"},
			{"no content type", func(r *http.Request) { r.Header.Del("Content-Type") }, "SignatureDoesNotMatch"},
			{"another vendor's header", func(r *http.Request) { r.Header.Set("x-oss-head1", "other") }, "SignatureDoesNotMatch"},
			{"one more vendor's header", func(r *http.Request) { r.Header.Set("x-oss-object-acl", "public-read-write") }, "SignatureDoesNotMatch"},
			{"one more parameter", func(r *http.Request) { r.URL.RawQuery += "&acl" }, "SignatureDoesNotMatch"},
			{"a header that is not signed", func(r *http.Request) { r.Header.Set("Xyz", "other") }, ""},
		} {
			r := p.request()
			c.change(r)
			e := p.verify(r, time.Minute)
			if got := codeOf(e); got != c.code {
				t.Errorf("%s, %s: %q, want %q", p.name, c.name, got, c.code)
			}
		}
	}
}

func TestFurtherSignedHeadersCannotBeChanged(t *testing.T) {
	t.Parallel()
	for _, p := range publishedSignatures {
		if p.additional == "" {
			continue
		}
		for name, code := range map[string]string{"Abc": "SignatureDoesNotMatch", "Zabc": "SignatureDoesNotMatch"} {
			r := p.request()
			r.Header.Set(name, "other")
			if got := codeOf(p.verify(r, 0)); got != code {
				t.Errorf("%s, another %s: %q, want %q", p.name, name, got, code)
			}
			r.Header.Del(name)
			if got := codeOf(p.verify(r, 0)); got != "InvalidArgument" {
				t.Errorf("%s, no %s: %q", p.name, name, got)
			}
		}
	}
}

func TestASignatureIsOfItsTime(t *testing.T) {
	t.Parallel()
	inHeader, inURL := publishedSignatures[0], publishedSignatures[3]
	for _, c := range []struct {
		p     published
		later time.Duration
		code  string
	}{
		{inHeader, 15 * time.Minute, ""},
		{inHeader, 15*time.Minute + time.Second, "RequestTimeTooSkewed"},
		{inHeader, -15*time.Minute - time.Second, "RequestTimeTooSkewed"},
		{inURL, 599 * time.Second, ""},
		{inURL, 600 * time.Second, "AccessDenied"},
		{inURL, -15*time.Minute - time.Second, "AccessDenied"},
	} {
		if got := codeOf(c.p.verify(c.p.request(), c.later)); got != c.code {
			t.Errorf("%s, %v later: %q, want %q", c.p.name, c.later, got, c.code)
		}
	}
	for _, seconds := range []int{-1, 0, 604801} {
		r := inURL.request()
		q := r.URL.Query()
		q.Set("x-oss-expires", strconv.Itoa(seconds))
		r.URL.RawQuery = q.Encode()
		if got := codeOf(inURL.verify(r, 0)); got != "InvalidArgument" {
			t.Errorf("a URL for %d seconds: %q", seconds, got)
		}
	}
}

// TestAnRPCCallIsSignedAsDocumented has the example of "Sign RPC APIs" in the
// vendor's OpenAPI documents.
func TestAnRPCCallIsSignedAsDocumented(t *testing.T) {
	t.Parallel()
	p := url.Values{
		"Timestamp": {"2016-02-23T12:46:24Z"}, "Format": {"XML"}, "AccessKeyId": {"testid"}, "Action": {"DescribeRegions"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureNonce": {"3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"}, "Version": {"2014-05-26"}, "SignatureVersion": {"1.0"},
	}
	if got, want := rpcSignature(http.MethodGet, p, "testsecret"), "OLeaidS1JvxuMvnyHOwuJ+uX5qY="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

func codeOf(e *cloud.Error) string {
	if e == nil {
		return ""
	}
	return e.Code
}
