package carry

import (
	"errors"
	"net/url"
	"strings"
)

var errURL = errors.New("the signed URL is none")

// asSigned returns a URL that net/http puts into a request byte for byte as text
// has it: a signature is of one spelling only, while there are several for most
// keys. The error does not have the URL in it.
func asSigned(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errURL
	}
	_, rest, _ := strings.Cut(text, "//")
	begin := strings.IndexAny(rest, "/?#")
	if begin < 0 || rest[begin] != '/' {
		return nil, errURL
	}
	target := rest[begin:]
	if strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == '\x7f' || r == '#' }) {
		return nil, errURL
	}
	if u.RequestURI() == target {
		return u, nil
	}
	path, query, asked := strings.Cut(target, "?")
	if strings.HasPrefix(path, "//") {
		path = "//" + u.Host + path // net/http takes what follows two slashes for a host
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: path, RawQuery: query, ForceQuery: asked}, nil
}
