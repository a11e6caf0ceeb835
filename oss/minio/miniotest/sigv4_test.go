package miniotest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/oss/minio") }

// The example of AWS's documentation of Signature Version 4, in its "Task 1" to
// "Task 3": a request to IAM, with the signature that it has to have.
const (
	exampleID        = "AKIDEXAMPLE"
	exampleSecret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	exampleSignature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
)

func example() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+exampleID+"/20150830/us-east-1/iam/aws4_request, "+
		"SignedHeaders=content-type;host;x-amz-date, Signature="+exampleSignature)
	return r
}

func TestASignatureIsThatOfTheDocumentation(t *testing.T) {
	t.Parallel()
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	check := func(r *http.Request, body string, now time.Time) error {
		return verify(r, []byte(body), exampleID, exampleSecret, "us-east-1", "iam", now)
	}
	for _, now := range []time.Time{at, at.Add(maxSkew), at.Add(-maxSkew)} {
		if err := check(example(), "", now); err != nil {
			t.Errorf("at %v: %v", now, err)
		}
	}
	replace := func(header, from, to string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(header, strings.Replace(r.Header.Get(header), from, to, 1)) }
	}
	for name, spoil := range map[string]func(*http.Request){
		"another method":       func(r *http.Request) { r.Method = http.MethodPost },
		"another host":         func(r *http.Request) { r.Host = "sts.amazonaws.com" },
		"another query":        func(r *http.Request) { r.URL.RawQuery += "&MaxItems=1" },
		"another path":         func(r *http.Request) { r.URL.Path = "/a" },
		"another type":         replace("Content-Type", "utf-8", "ascii"),
		"another second":       replace("X-Amz-Date", "3600Z", "3601Z"),
		"another signature":    replace("Authorization", "Signature=5", "Signature=6"),
		"another region":       replace("Authorization", "us-east-1", "us-east-2"),
		"another service":      replace("Authorization", "/iam/", "/sts/"),
		"another day":          replace("Authorization", "20150830", "20150831"),
		"another key":          replace("Authorization", exampleID, "AKIDOTHER"),
		"another algorithm":    replace("Authorization", "AWS4-", "AWS5-"),
		"a host not signed":    replace("Authorization", ";host", ""),
		"a type not signed":    replace("Authorization", "content-type;", ""),
		"a header not signed":  func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") },
		"headers out of order": replace("Authorization", "content-type;host", "host;content-type"),
		"no signature":         func(r *http.Request) { r.Header.Del("Authorization") },
	} {
		r := example()
		spoil(r)
		if check(r, "", at) == nil {
			t.Errorf("%s is good", name)
		}
	}
	if check(example(), "body", at) == nil {
		t.Error("another body is good")
	}
	for _, now := range []time.Time{at.Add(maxSkew + time.Second), at.Add(-maxSkew - time.Second)} {
		if check(example(), "", now) == nil {
			t.Errorf("at %v it is good", now)
		}
	}
}

func TestAPolicyThatAllowsMoreIsRefused(t *testing.T) {
	t.Parallel()
	const good = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:AbortMultipartUpload"],"Resource":["arn:aws:s3:::bucket/up/*"]}]}`
	if got, err := writable(good, "bucket"); err != nil || got != "arn:aws:s3:::bucket/up/*" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, c := range [][2]string{
		{`"s3:PutObject"`, `"s3:PutObject","s3:GetObject"`}, {"s3:PutObject", "s3:*"}, {"s3:PutObject", "s3:ListBucket"},
		{":::bucket/up/*", ":::*"}, {":::bucket/", ":::other/"}, {"up/*", "up/"}, {"2012", "2008"}, {"Allow", "Deny"},
		{`"Resource"`, `"NotResource"`}, {`"Statement":[`, `"Statement":[{},`}, {"}]}", ""},
	} {
		bad := string(bytes.Replace([]byte(good), []byte(c[0]), []byte(c[1]), 1))
		if bad == good {
			t.Fatalf("%q is not in the policy", c[0])
		}
		if _, err := writable(bad, "bucket"); err == nil {
			t.Errorf("%s is good", bad)
		}
	}
}
