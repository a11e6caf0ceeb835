package local

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/oss"
)

// place is where a body goes: the meaning of an oss.Signed of this store. It is
// not signed. Who could use it has the folder, which is the whole right to it; it
// is still held to what was allowed, so that this store refuses what others do.
type place struct {
	bucket      string
	key         oss.Key
	contentType string // of an object
	upload      string // of a part, else empty
	number      int32  // of a part, else 0
	size        int64
	expires     time.Time // in whole milliseconds
}

const (
	scheme         = "local"
	putPath        = "/object"
	partPath       = "/part"
	maxPart        = 10000
	maxBucket      = 255
	maxContentType = 1024
	maxPlace       = 16 << 10 // of the URL
)

var errPlace = errors.New("the request is malformed")

// signed returns the place as the carrier gets it.
func (p place) signed() oss.Signed {
	v := url.Values{
		"bucket":  {p.bucket},
		"key":     {string(p.key)},
		"size":    {strconv.FormatInt(p.size, 10)},
		"expires": {strconv.FormatInt(p.expires.UnixMilli(), 10)},
	}
	u := url.URL{Scheme: scheme, Path: putPath}
	if p.upload == "" {
		v.Set("type", p.contentType)
	} else {
		u.Path = partPath
		v.Set("upload", p.upload)
		v.Set("number", strconv.FormatInt(int64(p.number), 10))
	}
	u.RawQuery = v.Encode()
	return oss.Signed{Provider: oss.Local, Method: "PUT", URL: u.String(), Expires: p.expires}
}

// parsePlace is the inverse of place.signed. It takes what that writes and
// nothing else.
func parsePlace(s oss.Signed) (place, error) {
	if s.Provider != oss.Local || s.Method != "PUT" || len(s.Header) != 0 || len(s.URL) > maxPlace {
		return place{}, errPlace
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return place{}, errPlace
	}
	v, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return place{}, errPlace
	}
	p := place{bucket: v.Get("bucket"), key: oss.Key(v.Get("key")), contentType: v.Get("type"), upload: v.Get("upload")}
	number, _ := strconv.ParseInt(v.Get("number"), 10, 32)
	p.number = int32(number)
	p.size, _ = strconv.ParseInt(v.Get("size"), 10, 64)
	millis, _ := strconv.ParseInt(v.Get("expires"), 10, 64)
	p.expires = time.UnixMilli(millis)
	// What was left out, said twice, or written otherwise is written otherwise
	// again.
	if p.check() != nil || p.signed().URL != s.URL {
		return place{}, errPlace
	}
	return p, nil
}

// check says whether a bucket may sign p.
func (p place) check() error {
	if !validBucket(p.bucket) || p.key.Check() != nil || p.size <= 0 {
		return errPlace
	}
	if p.upload == "" {
		if p.number != 0 || !validContentType(p.contentType) {
			return errPlace
		}
		return nil
	}
	if !validUpload(p.upload) || p.number < 1 || p.number > maxPart || p.contentType != "" {
		return errPlace
	}
	return nil
}

// validContentType takes what can be a header of HTTP. Which of them are sensible
// is for others to judge.
func validContentType(t string) bool {
	return len(t) <= maxContentType && utf8.ValidString(t) && !strings.ContainsFunc(t, unicode.IsControl)
}

func validBucket(name string) bool { return len(name) >= 1 && len(name) <= maxBucket }

// validUpload keeps names of other files from being taken for uploads.
func validUpload(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}
