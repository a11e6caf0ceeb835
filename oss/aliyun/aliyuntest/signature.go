package aliyuntest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/oss/osstest/cloud"
)

// The fixed words of signature version 4.
const (
	algorithm   = "OSS4-HMAC-SHA256"
	product     = "oss"
	terminator  = "aliyun_v4_request"
	payload     = "UNSIGNED-PAYLOAD"
	timeISO8601 = "20060102T150405Z"
)

// maxSkew is how far the time of a request may be from that of the cloud (API
// reference of OSS: error RequestTimeTooSkewed).
const maxSkew = 15 * time.Minute

// maxExpires is how long a URL can be valid: 7 days in seconds (API reference of
// OSS: Include V4 signatures in a URL, x-oss-expires).
const maxExpires = 7 * 24 * 60 * 60

// verifier verifies signatures of version 4 (API reference of OSS: "Include a V4
// signature in the Authorization header" and "Include V4 signatures in a URL").
type verifier struct {
	region string
	keys   *cloud.Keyring
	now    func() time.Time
}

// claim is what a request says about its signature.
type claim struct {
	credential string // id/day/region/oss/aliyun_v4_request
	time       string // as it is signed
	additional string // names of further headers that are signed, joined by ";"
	signature  string
	token      string // of a temporary key
}

func (v *verifier) verify(r *http.Request, t cloud.Target) (*cloud.Key, *cloud.Error) {
	q := r.URL.Query()
	var c claim
	var e *cloud.Error
	switch auth := r.Header.Get("Authorization"); {
	case q.Has("x-oss-signature") && auth != "":
		return nil, invalid("The signature is in the URL and in the header.")
	case q.Has("x-oss-signature"):
		c, e = v.fromURL(q)
	case auth != "":
		c, e = v.fromHeader(r.Header, auth)
	default:
		return nil, nil
	}
	if e != nil {
		return nil, e
	}
	return v.check(r, t, c)
}

// fromHeader reads the Authorization header and the time of the request, which is
// that of x-oss-date in ISO 8601 or that of Date in the form of HTTP.
func (v *verifier) fromHeader(h http.Header, auth string) (claim, *cloud.Error) {
	fields, ok := strings.CutPrefix(auth, algorithm+" ")
	if !ok {
		return claim{}, invalid("The signature is not of version 4.")
	}
	c := claim{token: h.Get("x-oss-security-token")}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			c.credential = value
		case "AdditionalHeaders":
			c.additional = value
		case "Signature":
			c.signature = value
		default:
			return claim{}, invalid("The Authorization header has an unknown field.")
		}
	}
	layout := timeISO8601
	if c.time = h.Get("x-oss-date"); c.time == "" {
		c.time, layout = h.Get("Date"), http.TimeFormat
	}
	at, err := time.Parse(layout, c.time)
	if err != nil {
		return claim{}, &cloud.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "OSS authentication requires a valid Date."}
	}
	if v.now().Sub(at).Abs() > maxSkew {
		return claim{}, &cloud.Error{Status: http.StatusForbidden, Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the current time is too large."}
	}
	if h.Get("x-oss-content-sha256") != payload {
		return claim{}, invalid("x-oss-content-sha256 must be " + payload + ".")
	}
	return c, day(c, at)
}

// fromURL reads the parameters of a signed URL.
func (v *verifier) fromURL(q url.Values) (claim, *cloud.Error) {
	if q.Get("x-oss-signature-version") != algorithm {
		return claim{}, invalid("The signature is not of version 4.")
	}
	c := claim{
		credential: q.Get("x-oss-credential"), time: q.Get("x-oss-date"), additional: q.Get("x-oss-additional-headers"),
		signature: q.Get("x-oss-signature"), token: q.Get("x-oss-security-token"),
	}
	at, err := time.Parse(timeISO8601, c.time)
	if err != nil {
		return claim{}, invalid("x-oss-date is not a time.")
	}
	seconds, err := strconv.Atoi(q.Get("x-oss-expires"))
	if err != nil || seconds < 1 || seconds > maxExpires {
		return claim{}, invalid("x-oss-expires must be from 1 to 604800.")
	}
	switch now := v.now(); {
	case now.After(at.Add(time.Duration(seconds) * time.Second)):
		return claim{}, &cloud.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Request has expired."}
	case at.Sub(now) > maxSkew:
		return claim{}, &cloud.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Request is not valid yet."}
	}
	return c, day(c, at)
}

// day checks that the day of the credential is that of the request.
func day(c claim, at time.Time) *cloud.Error {
	if parts := strings.Split(c.credential, "/"); len(parts) != 5 || parts[1] != at.UTC().Format("20060102") {
		return invalid("The signature date of the credential is invalid.")
	}
	return nil
}

// check compares the signature with what it must be.
func (v *verifier) check(r *http.Request, t cloud.Target, c claim) (*cloud.Key, *cloud.Error) {
	id, scope, _ := strings.Cut(c.credential, "/")
	key, ok := v.keys.Find(id)
	if !ok {
		return nil, &cloud.Error{Status: http.StatusForbidden, Code: "InvalidAccessKeyId", Message: "The OSS Access Key Id you provided does not exist in our records."}
	}
	if parts := strings.Split(scope, "/"); parts[1] != v.region || parts[2] != product || parts[3] != terminator {
		return nil, invalid("The credential is of another region or service.")
	}
	text, e := stringToSign(r, t, c.time, scope, c.additional)
	if e != nil {
		return nil, e
	}
	if want := hex.EncodeToString(mac(signingKey(key.Secret, scope), text)); !hmac.Equal([]byte(want), []byte(c.signature)) {
		return nil, &cloud.Error{Status: http.StatusForbidden, Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided."}
	}
	if c.token != key.Token {
		return nil, &cloud.Error{Status: http.StatusForbidden, Code: "InvalidSecurityToken", Message: "The security token you provided is invalid."}
	}
	if !key.Expires.IsZero() && v.now().After(key.Expires) {
		return nil, &cloud.Error{Status: http.StatusForbidden, Code: "SecurityTokenExpired", Message: "The security token you provided has expired."}
	}
	return &key, nil
}

// stringToSign puts together what is signed.
func stringToSign(r *http.Request, t cloud.Target, at, scope, additional string) (string, *cloud.Error) {
	headers, e := canonicalHeaders(r, additional)
	if e != nil {
		return "", e
	}
	canonical := strings.Join([]string{
		r.Method, "/" + escape(t.Bucket) + "/" + escapePath(t.Key), canonicalQuery(r.URL.Query()), headers, additional, payload,
	}, "\n")
	hashed := sha256.Sum256([]byte(canonical))
	return strings.Join([]string{algorithm, at, scope, hex.EncodeToString(hashed[:])}, "\n"), nil
}

// signingKey derives the key of a day, a region and a service from the secret.
func signingKey(secret, scope string) []byte {
	key := []byte("aliyun_v4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalQuery has all parameters but the signature, sorted by their escaped
// names. One without a value has no "=".
func canonicalQuery(q url.Values) string {
	var all []string
	for name, values := range q {
		if name == "x-oss-signature" {
			continue
		}
		for _, value := range values {
			pair := escape(name)
			if value != "" {
				pair += "=" + escape(value)
			}
			all = append(all, pair)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(all, "&")
}

// canonicalHeaders has the headers that are always signed when they are there, and
// those that the request names. Each ends its line.
func canonicalHeaders(r *http.Request, additional string) (string, *cloud.Error) {
	signed := map[string]string{}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if name == "content-type" || name == "content-md5" || strings.HasPrefix(name, "x-oss-") {
			signed[name] = strings.TrimSpace(strings.Join(values, ","))
		}
	}
	if additional != "" {
		names := strings.Split(additional, ";")
		if !slices.IsSorted(names) {
			return "", invalid("The additional headers are not in order.")
		}
		for _, name := range names {
			switch name { // net/http takes these out of the header
			case "host":
				signed[name] = r.Host
			case "content-length":
				signed[name] = strconv.FormatInt(r.ContentLength, 10)
			default:
				signed[name] = strings.TrimSpace(r.Header.Get(name))
			}
			if signed[name] == "" {
				return "", invalid("An additional header is missing.")
			}
		}
	}
	var b strings.Builder
	for _, name := range sortedKeys(signed) {
		b.WriteString(name + ":" + signed[name] + "\n")
	}
	return b.String(), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// escape leaves only the unreserved characters of RFC 3986 as they are.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// escapePath leaves slashes too.
func escapePath(s string) string { return strings.ReplaceAll(escape(s), "%2F", "/") }

func invalid(message string) *cloud.Error {
	return &cloud.Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: message}
}
