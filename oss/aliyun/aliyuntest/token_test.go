package aliyuntest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/oss/osstest/cloud"
)

var tokenTime = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// good returns the parameters of a call that is answered.
func good() url.Values {
	return url.Values{
		"Action": {"AssumeRole"}, "Version": {"2015-04-01"}, "Format": {"json"}, "Timestamp": {"2026-07-01T12:00:00Z"},
		"SignatureNonce": {"nonce"}, "SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "AccessKeyId": {keyID},
		"RoleArn": {role}, "RoleSessionName": {"parley"}, "DurationSeconds": {"900"},
		"Policy": {`{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload"],"Resource":["acs:oss:*:*:parley-test/chat/*"]}]}`},
	}
}

func newTokenService() *tokenService {
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: keyID, Secret: keySecret})
	return &tokenService{keys: keys, now: func() time.Time { return tokenTime }, nonces: map[string]bool{}}
}

// call signs the parameters and returns the status and the code of the answer.
func call(s *tokenService, p url.Values) (status int, code string) {
	p.Set("Signature", rpcSignature(http.MethodPost, p, keySecret))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?"+p.Encode(), nil))
	var answer struct{ Code, RequestId string }
	if json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer.RequestId == "" {
		return w.Code, "no answer"
	}
	return w.Code, answer.Code
}

func TestACallForTemporaryKeysNeedsAllItsParameters(t *testing.T) {
	t.Parallel()
	for name := range good() {
		p := good()
		p.Del(name)
		if status, code := call(newTokenService(), p); status < 400 || code == "" {
			t.Errorf("without %s: status %d, %q", name, status, code)
		}
	}
	if status, code := call(newTokenService(), good()); status != http.StatusOK || code != "" {
		t.Errorf("with all: status %d, %q", status, code)
	}
}

func TestACallForTemporaryKeysIsChecked(t *testing.T) {
	t.Parallel()
	policy := func(old, now string) string { return strings.Replace(good().Get("Policy"), old, now, 1) }
	for _, c := range []struct{ parameter, value, code string }{
		{"Action", "GetCallerIdentity", "InvalidAction.NotFound"},
		{"SignatureMethod", "HMAC-MD5", "InvalidSignatureMethod"},
		{"Timestamp", "2026-07-01T12:15:01Z", "InvalidTimeStamp.Expired"},
		{"Timestamp", "2026-07-01T11:44:59Z", "InvalidTimeStamp.Expired"},
		{"Timestamp", "2026-07-01 12:00:00", "InvalidTimeStamp.Expired"},
		{"AccessKeyId", "another", "InvalidAccessKeyId.NotFound"},
		{"RoleArn", role + "s", "EntityNotExist.Role"},
		{"RoleSessionName", "p", "InvalidParameter.RoleSessionName"},
		{"RoleSessionName", "par ley", "InvalidParameter.RoleSessionName"},
		{"DurationSeconds", "899", "InvalidParameter.DurationSeconds"},
		{"DurationSeconds", "3600", ""},
		{"DurationSeconds", "3601", "InvalidParameter.DurationSeconds"},
		{"Policy", "{", "InvalidParameter.PolicyGrammar"},
		{"Policy", policy(`"1"`, `"2"`), "InvalidParameter.PolicyGrammar"},
		{"Policy", policy("chat", strings.Repeat("c", maxPolicy)), "InvalidParameter.PolicyGrammar"},
		{"Policy", policy("Allow", "Deny"), "PolicyTooWide"},
		{"Policy", policy("oss:PutObject", "oss:*"), "PolicyTooWide"},
		{"Policy", policy("oss:PutObject", "oss:GetObject"), "PolicyTooWide"},
		{"Policy", policy("parley-test/", "*"), "PolicyTooWide"},
		{"Policy", policy("chat/", "*/"), "PolicyTooWide"},
		{"Policy", policy("]}]", `]},{"Effect":"Allow","Action":["oss:PutObject"],"Resource":["acs:oss:*:*:parley-test/*"]}]`), "PolicyTooWide"},
	} {
		p := good()
		p.Set(c.parameter, c.value)
		if status, code := call(newTokenService(), p); code != c.code || (status == http.StatusOK) != (c.code == "") {
			t.Errorf("%s %s: status %d, %q, want %q", c.parameter, c.value, status, code, c.code)
		}
	}
}

func TestACallForTemporaryKeysIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newTokenService()
	if status, code := call(s, good()); status != http.StatusOK {
		t.Fatalf("status %d, %q", status, code)
	}
	if _, code := call(s, good()); code != "SignatureNonceUsed" {
		t.Errorf("the same again: %q", code)
	}
}

func TestACallForTemporaryKeysIsSigned(t *testing.T) {
	t.Parallel()
	for name := range good() {
		p := good()
		p.Set("Signature", rpcSignature(http.MethodPost, p, keySecret))
		p.Set(name, p.Get(name)+" ")
		w := httptest.NewRecorder()
		newTokenService().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?"+p.Encode(), nil))
		if w.Code < 400 {
			t.Errorf("another %s: status %d", name, w.Code)
		}
	}
}
