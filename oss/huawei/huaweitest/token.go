package huaweitest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/oss/osstest/cloud"
)

// tokenPath is that of "Obtaining a Temporary Access Key and Security Token Through
// an Agency" (API reference of IAM).
const tokenPath = "/v3.0/OS-CREDENTIAL/securitytokens"

// Bounds of duration_seconds.
const (
	minDuration = 15 * 60
	maxDuration = 24 * 60 * 60
)

// maxBody is the longest request that is read, in bytes.
const maxBody = 64 << 10

// tokenService is the part of IAM that hands out temporary keys. Requests are signed
// with SDK-HMAC-SHA256 ("API Request Signing Guide", AK/SK signing algorithm).
type tokenService struct {
	keys *cloud.Keyring
	now  func() time.Time
}

// iamError is an error as IAM answers it.
type iamError struct {
	Status  int
	Code    string
	Message string
}

func malformed(message string) *iamError {
	return &iamError{http.StatusBadRequest, "IAM.0011", message}
}

// ServeHTTP implements http.Handler.
func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, malformed("The body cannot be read."))
		return
	}
	if e := s.authenticate(r, body); e != nil {
		refuse(w, e)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != tokenPath {
		refuse(w, &iamError{http.StatusNotFound, "IAM.0004", "There is no such API."})
		return
	}
	grant, life, e := assume(r, body)
	if e != nil {
		refuse(w, e)
		return
	}
	key := s.keys.Issue("HST3", life, grant)
	answer(w, http.StatusCreated, map[string]any{"credential": map[string]string{
		"access": key.ID, "secret": key.Secret, "securitytoken": key.Token,
		"expires_at": key.Expires.UTC().Format("2006-01-02T15:04:05.000000Z"),
	}})
}

const (
	algorithm  = "SDK-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
)

// authenticate verifies the signature of a request.
func (s *tokenService) authenticate(r *http.Request, body []byte) *iamError {
	wrong := &iamError{http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information."}
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
	if !ok {
		return wrong
	}
	values := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		values[name] = value
	}
	date := r.Header.Get("X-Sdk-Date")
	at, err := time.Parse(timeFormat, date)
	if err != nil || s.now().Sub(at).Abs() > maxSkew {
		return wrong
	}
	signed := strings.Split(values["SignedHeaders"], ";")
	key, ok := s.keys.Find(values["Access"])
	if !ok || key.Token != "" || !slices.Contains(signed, "x-sdk-date") || !slices.IsSorted(signed) {
		return wrong
	}
	hashed := sha256.Sum256([]byte(canonicalRequest(r, body, signed)))
	h := hmac.New(sha256.New, []byte(key.Secret))
	_, _ = h.Write([]byte(algorithm + "\n" + date + "\n" + hex.EncodeToString(hashed[:])))
	if !hmac.Equal([]byte(hex.EncodeToString(h.Sum(nil))), []byte(values["Signature"])) {
		return wrong
	}
	return nil
}

// canonicalRequest puts together what is signed. The path ends in a slash, and the
// body is there as its hash.
func canonicalRequest(r *http.Request, body []byte, signed []string) string {
	var headers strings.Builder
	for _, name := range signed {
		value := strings.TrimSpace(strings.Join(r.Header.Values(name), ","))
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	path := strings.ReplaceAll(escape(r.URL.Path), "%2F", "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	hashed := sha256.Sum256(body)
	return strings.Join([]string{
		r.Method, path, canonicalQuery(r.URL.Query()), headers.String(), strings.Join(signed, ";"), hex.EncodeToString(hashed[:]),
	}, "\n")
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape leaves only the unreserved characters of RFC 3986 as they are.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// tokenRequest is the body of a request.
type tokenRequest struct {
	Auth struct {
		Identity struct {
			Methods    []string `json:"methods"`
			AssumeRole struct {
				AgencyName      string `json:"agency_name"`
				DomainName      string `json:"domain_name"`
				DurationSeconds int    `json:"duration_seconds"`
			} `json:"assume_role"`
			Policy struct {
				Version   string
				Statement []struct {
					Action   []string
					Effect   string
					Resource []string
				}
			} `json:"policy"`
		} `json:"identity"`
	} `json:"auth"`
}

// assume checks the body. Unknown fields are refused: they would widen what is asked.
func assume(r *http.Request, body []byte) (cloud.Grant, time.Duration, *iamError) {
	var in tokenRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return cloud.Grant{}, 0, malformed("The body is not what this API takes.")
	}
	identity := in.Auth.Identity
	role := identity.AssumeRole
	switch {
	case !slices.Equal(identity.Methods, []string{"assume_role"}):
		return cloud.Grant{}, 0, malformed("methods must be assume_role.")
	case role.AgencyName != agency || role.DomainName != domain:
		return cloud.Grant{}, 0, &iamError{http.StatusNotFound, "IAM.0004", "Could not find the agency."}
	case role.DurationSeconds < minDuration || role.DurationSeconds > maxDuration:
		return cloud.Grant{}, 0, malformed("duration_seconds must be from 900 to 86400.")
	case identity.Policy.Version != "1.1" || len(identity.Policy.Statement) != 1:
		return cloud.Grant{}, 0, malformed("The policy must be of version 1.1 and have one statement.")
	}
	statement := identity.Policy.Statement[0]
	grant, e := readStatement(statement.Effect, statement.Action, statement.Resource)
	return grant, time.Duration(role.DurationSeconds) * time.Second, e
}

// readStatement reads what a policy allows. More than writing objects of the bucket is
// refused, which the real service would grant as far as the agency goes.
func readStatement(effect string, actions, resources []string) (cloud.Grant, *iamError) {
	wide := malformed("The policy allows more than to write objects of one bucket, or nothing.")
	if effect != "Allow" || len(resources) != 1 || !slices.Contains(actions, "obs:object:PutObject") {
		return cloud.Grant{}, wide
	}
	prefix, ok := strings.CutPrefix(resources[0], "obs:*:*:object:"+bucket+"/")
	prefix, star := strings.CutSuffix(prefix, "*")
	if !ok || !star || strings.ContainsAny(prefix, "*?") {
		return cloud.Grant{}, wide
	}
	names := map[string]cloud.Action{"obs:object:PutObject": cloud.Write, "obs:object:AbortMultipartUpload": cloud.Abort}
	grant := cloud.Grant{Prefix: prefix}
	for _, name := range actions {
		action, ok := names[name]
		if !ok {
			return cloud.Grant{}, wide
		}
		grant.Actions = append(grant.Actions, action)
	}
	return grant, nil
}

func refuse(w http.ResponseWriter, e *iamError) {
	answer(w, e.Status, map[string]any{"error_code": e.Code, "error_msg": e.Message})
}

// requestID is in the header of every answer; only its form matters.
const requestID = "8b5a7b4e3f5c4d2c9a0e1f2d3c4b5a69"

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", requestID)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
