package huaweitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/oss/osstest/cloud"
)

var tokenTime = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// good is the body of a request that is answered.
const good = `{"auth":{"identity":{"methods":["assume_role"],` +
	`"assume_role":{"agency_name":"uploader","domain_name":"parley-account","duration_seconds":900},` +
	`"policy":{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["obs:object:PutObject","obs:object:AbortMultipartUpload"],` +
	`"Resource":["obs:*:*:object:parley-test/chat/*"]}]}}}}`

// ask signs a request and returns its answer.
func ask(body string, change func(*http.Request)) *httptest.ResponseRecorder {
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: keyID, Secret: keySecret})
	r := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	r.Header.Set("X-Sdk-Date", tokenTime.Format(timeFormat))
	signed := []string{"host", "x-sdk-date"}
	hashed := sha256.Sum256([]byte(canonicalRequest(r, []byte(body), signed)))
	h := hmac.New(sha256.New, []byte(keySecret))
	_, _ = h.Write([]byte(algorithm + "\n" + r.Header.Get("X-Sdk-Date") + "\n" + hex.EncodeToString(hashed[:])))
	r.Header.Set("Authorization", algorithm+" Access="+keyID+", SignedHeaders=host;x-sdk-date, Signature="+hex.EncodeToString(h.Sum(nil)))
	change(r)
	w := httptest.NewRecorder()
	(&tokenService{keys: keys, now: func() time.Time { return tokenTime }}).ServeHTTP(w, r)
	return w
}

func TestARequestForATemporaryKeyIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		old, now string
		status   int
	}{
		{"", "", 201},
		{`"duration_seconds":900`, `"duration_seconds":86400`, 201},
		{`"duration_seconds":900`, `"duration_seconds":899`, 400},
		{`"duration_seconds":900`, `"duration_seconds":86401`, 400},
		{`,"duration_seconds":900`, ``, 400},
		{`"assume_role"]`, `"token"]`, 400},
		{`"methods":["assume_role"],`, ``, 400},
		{`"agency_name":"uploader",`, ``, 404},
		{`"domain_name":"parley-account",`, ``, 404},
		{`"1.1"`, `"1.0"`, 400},
		{`"Version":"1.1",`, ``, 400},
		{`"Allow"`, `"Deny"`, 400},
		{`obs:object:PutObject`, `obs:object:*`, 400},
		{`obs:object:AbortMultipartUpload`, `obs:object:GetObject`, 400},
		{`"obs:object:PutObject",`, ``, 400},
		{`object:parley-test/chat/*`, `object:*`, 400},
		{`object:parley-test/chat/*`, `object:parley-test-2/*`, 400},
		{`chat/*`, `*/chat/*`, 400},
		{`,"Resource":["obs:*:*:object:parley-test/chat/*"]`, ``, 400},
		{`"Effect"`, `"Condition":{},"Effect"`, 400},
		{good, `{`, 400},
	} {
		w := ask(strings.Replace(good, c.old, c.now, 1), func(*http.Request) {})
		if w.Code != c.status || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s for %s: status %d, want %d: %s", c.now, c.old, w.Code, c.status, w.Body)
		}
	}
}

func TestARequestForATemporaryKeyIsSigned(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request){
		"no signature":      func(r *http.Request) { r.Header.Del("Authorization") },
		"another time":      func(r *http.Request) { r.Header.Set("X-Sdk-Date", "20260701T120001Z") },
		"another host":      func(r *http.Request) { r.Host = "iam.example.com" },
		"another parameter": func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"no signed time": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";x-sdk-date", "", 1))
		},
	} {
		if w := ask(good, change); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
	if w := ask(good, func(r *http.Request) { r.Method = http.MethodPut }); w.Code != http.StatusUnauthorized {
		t.Errorf("another method: status %d", w.Code)
	}
}
