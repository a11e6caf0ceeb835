package aliyuntest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/oss/osstest/cloud"
)

// tokenService is STS with its one action AssumeRole (API reference of STS). Requests
// are RPC calls, signed with HMAC-SHA1 ("Sign RPC APIs" of the OpenAPI documents).
type tokenService struct {
	keys *cloud.Keyring
	now  func() time.Time

	mu     sync.Mutex
	nonces map[string]bool
}

// rpcError is an error as the gateway of RPC calls answers it.
type rpcError struct {
	Status  int
	Code    string
	Message string
}

func bad(code, message string) *rpcError { return &rpcError{http.StatusBadRequest, code, message} }

// Bounds of DurationSeconds: a role allows an hour unless it is set up otherwise.
const (
	minDuration = 900
	maxDuration = 3600
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// ServeHTTP implements http.Handler.
func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, bad("InvalidParameter", "The parameters cannot be read."))
		return
	}
	if e := s.authenticate(r.Method, r.Form); e != nil {
		refuse(w, e)
		return
	}
	grant, life, e := assume(r.Form)
	if e != nil {
		refuse(w, e)
		return
	}
	key := s.keys.Issue("STS.", life, grant)
	answer(w, http.StatusOK, map[string]any{
		"RequestId": requestID,
		"AssumedRoleUser": map[string]string{
			"Arn": strings.Replace(role, ":role/", ":assumed-role/", 1) + "/" + r.Form.Get("RoleSessionName"), "AssumedRoleId": roleID + ":" + r.Form.Get("RoleSessionName"),
		},
		"Credentials": map[string]string{
			"AccessKeyId": key.ID, "AccessKeySecret": key.Secret, "SecurityToken": key.Token,
			"Expiration": key.Expires.UTC().Format("2006-01-02T15:04:05Z"),
		},
	})
}

// What every answer has: ids, of which only the form matters.
const (
	requestID = "6894B13B-6D71-4EF5-88FA-F32781734A7F"
	roleID    = "300000000000000001"
)

// authenticate demands the common parameters of RPC calls and their signature.
func (s *tokenService) authenticate(method string, p url.Values) *rpcError {
	for _, name := range []string{"Action", "Version", "Format", "Timestamp", "SignatureNonce", "SignatureMethod", "SignatureVersion", "AccessKeyId", "Signature"} {
		if len(p[name]) != 1 || p.Get(name) == "" {
			return bad("Missing"+name, name+" is mandatory for this action.")
		}
	}
	switch {
	case p.Get("Action") != "AssumeRole" || p.Get("Version") != "2015-04-01":
		return &rpcError{http.StatusNotFound, "InvalidAction.NotFound", "The specified action is not found."}
	case !strings.EqualFold(p.Get("Format"), "json"):
		return bad("InvalidParameter.Format", "This fake answers in JSON.")
	case p.Get("SignatureMethod") != "HMAC-SHA1" || p.Get("SignatureVersion") != "1.0":
		return bad("InvalidSignatureMethod", "The signature method is not supported.")
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", p.Get("Timestamp"))
	if err != nil || s.now().Sub(at).Abs() > maxSkew {
		return bad("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	key, ok := s.keys.Find(p.Get("AccessKeyId"))
	if !ok || key.Token != "" {
		return &rpcError{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	}
	if want := rpcSignature(method, p, key.Secret); !hmac.Equal([]byte(want), []byte(p.Get("Signature"))) {
		return bad("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nonces[p.Get("SignatureNonce")] {
		return bad("SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	s.nonces[p.Get("SignatureNonce")] = true
	return nil
}

// rpcSignature signs all parameters but the signature itself.
func rpcSignature(method string, p url.Values, secret string) string {
	var pairs []string
	for _, name := range sortedKeys(p) {
		if name != "Signature" {
			pairs = append(pairs, escape(name)+"="+escape(p.Get(name)))
		}
	}
	h := hmac.New(sha1.New, []byte(secret+"&"))
	_, _ = h.Write([]byte(method + "&" + escape("/") + "&" + escape(strings.Join(pairs, "&"))))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// assume checks the parameters of AssumeRole.
func assume(p url.Values) (cloud.Grant, time.Duration, *rpcError) {
	if p.Get("RoleArn") != role {
		return cloud.Grant{}, 0, &rpcError{http.StatusNotFound, "EntityNotExist.Role", "The role not exists."}
	}
	if !sessionName.MatchString(p.Get("RoleSessionName")) {
		return cloud.Grant{}, 0, bad("InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
	}
	seconds, err := strconv.Atoi(p.Get("DurationSeconds"))
	if err != nil || seconds < minDuration || seconds > maxDuration {
		return cloud.Grant{}, 0, bad("InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
	}
	grant, e := readPolicy(p.Get("Policy"))
	return grant, time.Duration(seconds) * time.Second, e
}

// maxPolicy is the longest policy in characters.
const maxPolicy = 2048

// readPolicy reads a policy of a session ("Policy structure and syntax" of RAM). More
// than writing objects of the bucket is refused, which the real service would grant
// as far as the role goes.
func readPolicy(text string) (cloud.Grant, *rpcError) {
	var p struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   []string
			Resource []string
		}
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Version != "1" || len(text) > maxPolicy {
		return cloud.Grant{}, bad("InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.")
	}
	wide := bad("PolicyTooWide", "The policy allows more than to write objects of one bucket.")
	if len(p.Statement) != 1 || p.Statement[0].Effect != "Allow" || len(p.Statement[0].Resource) != 1 {
		return cloud.Grant{}, wide
	}
	prefix, ok := strings.CutPrefix(p.Statement[0].Resource[0], "acs:oss:*:*:"+bucket+"/")
	prefix, star := strings.CutSuffix(prefix, "*")
	if !ok || !star || strings.ContainsAny(prefix, "*?") {
		return cloud.Grant{}, wide
	}
	names := map[string]cloud.Action{"oss:PutObject": cloud.Write, "oss:AbortMultipartUpload": cloud.Abort}
	grant := cloud.Grant{Prefix: prefix}
	for _, name := range p.Statement[0].Action {
		action, ok := names[name]
		if !ok {
			return cloud.Grant{}, wide
		}
		grant.Actions = append(grant.Actions, action)
	}
	if !slices.Contains(grant.Actions, cloud.Write) {
		return cloud.Grant{}, bad("InvalidParameter.PolicyGrammar", "The policy allows nothing.")
	}
	return grant, nil
}

func refuse(w http.ResponseWriter, e *rpcError) {
	answer(w, e.Status, map[string]any{"RequestId": requestID, "HostId": "sts.aliyuncs.com", "Code": e.Code, "Message": e.Message})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
