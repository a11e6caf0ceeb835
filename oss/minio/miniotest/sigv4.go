package miniotest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The form of times in signatures, and how far they may be from the server's.
const (
	amzTime = "20060102T150405Z"
	maxSkew = 15 * time.Minute
)

// authorization is the header of a signed request: AWS Identity and Access
// Management, "Create a signed AWS API request".
type authorization struct {
	accessKeyID string
	date        string // 20060102
	region      string
	service     string
	signed      []string // names of headers, in lower case
	signature   string
}

func parseAuthorization(text string) (a authorization, err error) {
	rest, ok := strings.CutPrefix(text, "AWS4-HMAC-SHA256 ")
	if !ok {
		return a, errors.New("the request is not signed with AWS4-HMAC-SHA256")
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return a, errors.New("the scope of the credential is not one")
	}
	a = authorization{
		accessKeyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		signed: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}
	if !slices.IsSorted(a.signed) || len(slices.Compact(slices.Clone(a.signed))) != len(a.signed) {
		return a, errors.New("the signed headers are not sorted")
	}
	return a, nil
}

// verify checks the signature of a request with this body for a service.
func verify(r *http.Request, body []byte, accessKeyID, secret, region, service string, now time.Time) error {
	a, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if a.accessKeyID != accessKeyID || a.region != region || a.service != service {
		return fmt.Errorf("the credential is of %s for %s in %s", a.accessKeyID, a.service, a.region)
	}
	at, err := time.Parse(amzTime, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != a.date {
		return errors.New("x-amz-date is no time, or of another day than the credential")
	}
	if skew := now.Sub(at).Abs(); skew > maxSkew {
		return fmt.Errorf("the request is %v away", skew)
	}
	if !slices.Contains(a.signed, "host") {
		return errors.New("the host is not signed")
	}
	// "You must include the host header and any x-amz-* headers", and the type where
	// there is one.
	for name := range r.Header {
		name = strings.ToLower(name)
		if (strings.HasPrefix(name, "x-amz-") || name == "content-type") && !slices.Contains(a.signed, name) {
			return fmt.Errorf("the header %s is not signed", name)
		}
	}
	scope := strings.Join([]string{a.date, a.region, a.service, "aws4_request"}, "/")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", at.Format(amzTime), scope, hexSum(canonical(r, a.signed, body))}, "\n")
	want := hex.EncodeToString(mac(signingKey(secret, a), toSign))
	if !hmac.Equal([]byte(want), []byte(a.signature)) {
		return errors.New("the signature is another")
	}
	return nil
}

func signingKey(secret string, a authorization) []byte {
	key := []byte("AWS4" + secret)
	for _, step := range []string{a.date, a.region, a.service, "aws4_request"} {
		key = mac(key, step)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// canonical returns the canonical request.
func canonical(r *http.Request, signed []string, body []byte) []byte {
	var b strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		values := slices.Clone(r.Header.Values(name))
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{fmt.Sprint(r.ContentLength)}
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hexSum(body))
	return []byte(b.String())
}

// canonicalQuery sorts the parameters and escapes them as RFC 3986 does, which has
// %20 where forms have a plus.
func canonicalQuery(query url.Values) string {
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}
