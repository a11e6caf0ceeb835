package oss

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/pkg/fault"
)

// Object names an object as clients do.
type Object struct {
	App      string
	Provider string // empty for the app's default
	Key      Key
}

// Key names an object within a bucket. Keys are compared as bytes.
type Key string

// MaxKey is the longest key in bytes; S3 and Huawei have the same limit, Aliyun one
// byte less.
const MaxKey = 1024

// Check returns fault.BadKey for a key that no provider shall get: a blank one,
// one that a path would be normalized to another by (browsers do so with "."
// and ".." segments, even escaped ones), or one with a leading slash, a backslash
// or a control character.
func (k Key) Check() error {
	text := string(k)
	if len(text) > MaxKey || strings.TrimSpace(text) == "" || text[0] == '/' || !utf8.ValidString(text) {
		return fault.BadKey
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return fault.BadKey
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "." || segment == ".." {
			return fault.BadKey
		}
	}
	return nil
}

const hex = "0123456789ABCDEF"

// Escape returns the key for the path of a URL. It leaves only the unreserved
// characters of RFC 3986, section 2.3, and slashes as they are: S3 servers take
// a plain "+" for a space, and clients differ in the rest.
func (k Key) Escape() string {
	var b strings.Builder
	for i := range len(k) {
		c := k[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// contentTypes are those of the keys that messengers use. The tables of Go and
// of the system are not asked: an object shall have the same type whatever is
// installed.
var contentTypes = map[string]string{
	"aac": "audio/aac", "amr": "audio/amr", "apk": "application/vnd.android.package-archive",
	"avi": "video/x-msvideo", "avif": "image/avif", "bmp": "image/bmp", "csv": "text/csv; charset=utf-8",
	"doc": "application/msword", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"flac": "audio/flac", "gif": "image/gif", "gz": "application/gzip", "heic": "image/heic", "html": "text/html; charset=utf-8",
	"ico": "image/x-icon", "jpeg": "image/jpeg", "jpg": "image/jpeg", "json": "application/json",
	"m4a": "audio/mp4", "md": "text/markdown; charset=utf-8", "mkv": "video/x-matroska", "mov": "video/quicktime",
	"mp3": "audio/mpeg", "mp4": "video/mp4", "mpeg": "video/mpeg", "oga": "audio/ogg", "ogg": "audio/ogg", "opus": "audio/ogg",
	"pdf": "application/pdf", "png": "image/png", "ppt": "application/vnd.ms-powerpoint",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"rar":  "application/vnd.rar", "svg": "image/svg+xml", "tar": "application/x-tar", "txt": "text/plain; charset=utf-8",
	"wav": "audio/wav", "webm": "video/webm", "webp": "image/webp", "xls": "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xml": "application/xml",
	"zip": "application/zip", "7z": "application/x-7z-compressed",
}

// anyContent is the type of what nothing is known about.
const anyContent = "application/octet-stream"

// ContentType is the type that follows from the extension of the key.
func (k Key) ContentType() string {
	name := string(k[strings.LastIndexByte(string(k), '/')+1:])
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		if t, ok := contentTypes[strings.ToLower(name[dot+1:])]; ok {
			return t
		}
	}
	return anyContent
}
