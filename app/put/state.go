package put

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// stateFormat tells a state from other files.
const stateFormat = "parley put 1"

// state is how far an upload has come. It holds nothing by which anybody could
// speak for the user.
type state struct {
	Format string `json:"format"`
	errand
	Key      string `json:"key"`      // of the object
	Upload   string `json:"upload"`   // the server's id
	Size     int64  `json:"size"`     // of the file in bytes
	Modified int64  `json:"modified"` // in Unix nanoseconds
	Part     int64  `json:"part"`     // bytes; the last one may be smaller
	// ETags are those of the parts in their order, "" where one is not there.
	ETags []string `json:"etags"`
}

// errand is who uploads what to where.
type errand struct {
	Server string `json:"server"`
	App    string `json:"app"`
	Type   string `json:"type"`
	User   string `json:"user"`
	File   string `json:"file"` // absolute
}

func (u *upload) errand() errand {
	return errand{server(u.URL), u.App, u.Type, string(u.Key.UID()), u.path}
}

// newState returns the state of an upload that begins.
func (u *upload) newState(key string, part int64) *state {
	return &state{
		Format: stateFormat, errand: u.errand(), Key: key,
		Size: u.size, Modified: u.modified.UnixNano(), Part: part, ETags: make([]string, countOf(u.size, part)),
	}
}

// server names the server of an address, without a password that stands in it.
func server(address string) string {
	u, err := url.Parse(trimURL(address))
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// valid reports whether a state can be gone on with.
func (s *state) valid() bool {
	return s.Format == stateFormat && s.Upload != "" && s.Key != "" && s.Part > 0 && s.Size >= 0 &&
		int64(len(s.ETags)) == countOf(s.Size, s.Part)
}

func (s *state) object() object { return object{s.App, s.Type, s.Key} }

// span is where the part is that is counted from 0.
func (s *state) span(n int) (from, size int64) {
	from = int64(n) * s.Part
	return from, min(s.Part, s.Size-from)
}

// count is how many parts are there.
func (s *state) count() (n int) {
	for _, etag := range s.ETags {
		if etag != "" {
			n++
		}
	}
	return n
}

// sent is how many bytes are there.
func (s *state) sent() (sum int64) {
	for n, etag := range s.ETags {
		if etag != "" {
			_, size := s.span(n)
			sum += size
		}
	}
	return sum
}

func (s *state) parts() []part {
	parts := make([]part, len(s.ETags))
	for n, etag := range s.ETags {
		parts[n] = part{etag, n + 1}
	}
	return parts
}

// statePath is the file of the state. In the folder for caches its name follows from
// what the command was called with, so that the same command finds it again.
func (u *upload) statePath() (string, error) {
	if u.State != "" {
		return u.State, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("where to keep how far the upload is: %w; give -state with a file", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", u.errand(), u.Object))
	return filepath.Join(cache, "parley", "put", hex.EncodeToString(sum[:12])+".json"), nil
}

// resume returns the state that an earlier run has left, or nil. One of another
// upload is an error: it is not for this run to drop it.
func (u *upload) resume() (*state, error) {
	s, err := u.kept.load()
	if s == nil || err != nil {
		return nil, err
	}
	if s.errand != u.errand() || u.Object != "" && u.Object != s.Key {
		return nil, fmt.Errorf("%s is the state of another upload: that of %s as %q to %s; choose another file with -state", u.kept.path, s.File, s.Key, s.Server)
	}
	return s, nil
}

// load reads the state, which may not be there.
func (f *stateFile) load() (*state, error) {
	text, err := os.ReadFile(f.path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(state)
	if err := json.Unmarshal(text, s); err != nil || !s.valid() {
		return nil, fmt.Errorf("%s is not the state of an upload: remove it, or choose another file with -state", f.path)
	}
	return s, nil
}

// word is a random word of 40 bits.
func word() string { return strings.ToLower(rand.Text()[:8]) }
