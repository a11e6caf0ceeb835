package huaweitest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/oss/osstest/cloud"
)

// maxSkew is how far the time of a request may be from that of the cloud (API
// reference of OBS: "Authentication of Signature in a Header", Date).
const maxSkew = 15 * time.Minute

// subresources are the parameters that are signed (the same section,
// CanonicalizedResource).
var subresources = strings.Fields(`
	acl attname cors customdomain delete deletebucket encryption length lifecycle location logging metadata modify
	name notification partNumber policy position quota rename replication response-cache-control
	response-content-disposition response-content-encoding response-content-language response-content-type
	response-expires restore storageClass storagePolicy storageinfo tagging torrent truncate uploadId uploads
	versionId versioning versions website x-obs-security-token`)

// verifier verifies signatures of the vendor's own kind (API reference of OBS:
// "Authentication of Signature in a Header" and "Authentication of Signature in a
// URL").
type verifier struct {
	keys *cloud.Keyring
	now  func() time.Time
}

// claim is what a request says about its signature.
type claim struct {
	id        string
	signature string
	date      string // as it is signed: a time, that of the end of a URL, or nothing
	token     string // of a temporary key
}

func (v *verifier) verify(r *http.Request, t cloud.Target) (*cloud.Key, *cloud.Error) {
	var c claim
	var e *cloud.Error
	switch auth, q := r.Header.Get("Authorization"), r.URL.Query(); {
	case q.Has("Signature") && auth != "":
		return nil, &cloud.Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "The signature is in the URL and in the header."}
	case q.Has("Signature"):
		c, e = v.fromURL(q)
	case auth != "":
		c, e = v.fromHeader(r.Header, auth)
	default:
		return nil, nil
	}
	if e != nil {
		return nil, e
	}
	key, ok := v.keys.Find(c.id)
	if !ok {
		return nil, forbidden("InvalidAccessKeyId", "The access key id you provided does not exist in our records.")
	}
	if !hmac.Equal([]byte(sign(key.Secret, stringToSign(r, t, c.date))), []byte(c.signature)) {
		return nil, forbidden("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	if c.token != key.Token {
		return nil, forbidden("InvalidAccessKeyId", "The security token is not that of the key.")
	}
	if !key.Expires.IsZero() && v.now().After(key.Expires) {
		return nil, forbidden("AccessDenied", "The temporary key has expired.")
	}
	return &key, nil
}

// fromHeader reads "OBS id:signature" and the time of the request. x-obs-date comes
// before Date, whose place is empty then.
func (v *verifier) fromHeader(h http.Header, auth string) (claim, *cloud.Error) {
	fields, ok := strings.CutPrefix(auth, "OBS ")
	id, signature, ok2 := strings.Cut(fields, ":")
	if !ok || !ok2 {
		return claim{}, forbidden("AccessDenied", "The signature is not of the vendor's kind.")
	}
	c := claim{id: id, signature: signature, token: h.Get("x-obs-security-token")}
	date := h.Get("x-obs-date")
	if date == "" {
		c.date = h.Get("Date")
		date = c.date
	}
	at, err := time.Parse(http.TimeFormat, date)
	if err != nil {
		return claim{}, forbidden("AccessDenied", "The request needs a valid Date or x-obs-date.")
	}
	if v.now().Sub(at).Abs() > maxSkew {
		return claim{}, forbidden("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	}
	return c, nil
}

// fromURL reads the parameters of a signed URL.
func (v *verifier) fromURL(q url.Values) (claim, *cloud.Error) {
	c := claim{id: q.Get("AccessKeyId"), signature: q.Get("Signature"), date: q.Get("Expires"), token: q.Get("x-obs-security-token")}
	seconds, err := strconv.ParseInt(c.date, 10, 64)
	if err != nil {
		return claim{}, forbidden("AccessDenied", "Expires is not a time.")
	}
	if v.now().After(time.Unix(seconds, 0)) {
		return claim{}, forbidden("AccessDenied", "Request has expired.")
	}
	return c, nil
}

// stringToSign puts together what is signed.
func stringToSign(r *http.Request, t cloud.Target, date string) string {
	h := r.Header
	return strings.Join([]string{r.Method, h.Get("Content-MD5"), h.Get("Content-Type"), date, ""}, "\n") +
		canonicalHeaders(h) + canonicalResource(r.URL.Query(), t)
}

// canonicalHeaders has all headers that begin with x-obs-, one a line.
func canonicalHeaders(h http.Header) string {
	var lines []string
	for name, values := range h {
		if name = strings.ToLower(name); !strings.HasPrefix(name, "x-obs-") {
			continue
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.TrimSpace(v)
		}
		lines = append(lines, name+":"+strings.Join(trimmed, ",")+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// canonicalResource has the bucket, the object as the URL escapes it, and the
// subresources in order. Their values are not escaped; only the first of a name
// counts.
func canonicalResource(q url.Values, t cloud.Target) string {
	var pairs []string
	for _, name := range subresources {
		if !q.Has(name) {
			continue
		}
		pair := name
		if value := q.Get(name); value != "" {
			pair += "=" + value
		}
		pairs = append(pairs, pair)
	}
	slices.Sort(pairs)
	resource := "/" + t.Bucket + "/" + t.Escaped
	if len(pairs) > 0 {
		resource += "?" + strings.Join(pairs, "&")
	}
	return resource
}

func sign(secret, text string) string {
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func forbidden(code, message string) *cloud.Error {
	return &cloud.Error{Status: http.StatusForbidden, Code: code, Message: message}
}
