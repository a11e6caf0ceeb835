package put

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"parley/app/client"
	"parley/pkg/auth"
)

const (
	// defaultPatience is how long a request may stand still: none of its body goes out, and
	// no answer comes in.
	defaultPatience = 3 * time.Minute
	// completeWithin bounds the making of an object of parts, for which some
	// providers copy them.
	completeWithin = 10 * time.Minute
	// continueWithin is how long the server may take to say that it wants a body.
	continueWithin = 2 * time.Second
)

// tokenSuffix tells the tokens of this command from others.
const tokenSuffix = "parley-put"

// api is the routes of object storage as one user calls them. Every request has a
// token of its own: one that waited for its turn could be too old.
type api struct {
	base string
	key  auth.Key
	app  string
	kind string
	// patience is how long a request may stand still.
	patience time.Duration
	client   *http.Client
}

func newAPI(o Options) (api, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return api{}, fmt.Errorf("%q is not an address such as http://localhost:8888", o.URL)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = o.Parallel
	// A server that refuses a part says so before it is sent. Otherwise it would
	// end the connection in the middle, and the answer would be lost as a rule.
	transport.ExpectContinueTimeout = continueWithin
	return api{trimURL(o.URL), o.Key, o.App, o.Type, cmp.Or(o.patience, defaultPatience), &http.Client{
		Transport: transport,
		// The token is for this server, and a redirect would lose the body.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// object names an object in JSON.
type object struct {
	App  string `json:"appId"`
	Type string `json:"ossType,omitempty"`
	Key  string `json:"key"`
}

// part is a part of a completed upload in JSON.
type part struct {
	ETag   string `json:"ETag"`
	Number int    `json:"partNumber"`
}

// location is where an object is read.
type location struct {
	URL string `json:"url"`
}

// init starts an upload in parts and returns its id.
func (a api) init(ctx context.Context, o object) (string, error) {
	var started struct {
		ID string `json:"uploadId"`
	}
	err := a.json(ctx, a.patience, "/oss/init-multipart-upload", o, &started)
	if err == nil && started.ID == "" {
		err = errors.New("the server starts an upload without an id")
	}
	return started.ID, err
}

// part sends a part and returns its ETag.
func (a api) part(ctx context.Context, s *state, number int, p *piece) (string, error) {
	var sent part
	err := a.form(ctx, "/oss/upload-part", [][2]string{
		{"appId", a.app}, {"ossType", a.kind}, {"key", s.Key}, {"uploadId", s.Upload}, {"partNumber", strconv.Itoa(number)},
	}, p, &sent)
	if err == nil && sent.ETag == "" {
		err = fmt.Errorf("the server takes part %d without an ETag", number)
	}
	return sent.ETag, err
}

// complete makes an object of the parts and returns its url. It may be repeated.
func (a api) complete(ctx context.Context, s *state) (string, error) {
	var made location
	err := a.json(ctx, completeWithin, "/oss/complete-multipart-upload", struct {
		object
		Upload string `json:"uploadId"`
		Parts  []part `json:"parts"`
	}{s.object(), s.Upload, s.parts()}, &made)
	return made.URL, err
}

// abort drops an upload. It may be repeated.
func (a api) abort(ctx context.Context, s *state) error {
	return a.json(ctx, a.patience, "/oss/abort-multipart-upload", struct {
		object
		Upload string `json:"uploadId"`
	}{s.object(), s.Upload}, new(struct{}))
}

// upload sends a whole file and returns the url of the object.
func (a api) upload(ctx context.Context, key string, p *piece) (string, error) {
	var made location
	err := a.form(ctx, "/oss/upload", [][2]string{{"appId", a.app}, {"ossType", a.kind}, {"key", key}}, p, &made)
	return made.URL, err
}

func (a api) json(ctx context.Context, within time.Duration, path string, body, data any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errStill)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return a.do(req, data)
}

// form sends fields and a piece of the file behind them, with the length of all, so
// that the gateway can pass the piece on while it comes in.
func (a api) form(ctx context.Context, path string, fields [][2]string, p *piece, data any) error {
	var around bytes.Buffer
	w := multipart.NewWriter(&around)
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	// Without a content type: it follows from the key, as that of parts does.
	header := map[string][]string{"Content-Disposition": {multipart.FileContentDisposition("file", p.name)}}
	if _, err := w.CreatePart(header); err != nil {
		return err
	}
	before := around.Len()
	if err := w.Close(); err != nil {
		return err
	}
	head, tail := around.Bytes()[:before], around.Bytes()[before:]

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	still := time.AfterFunc(a.patience, func() { cancel(errStill) })
	defer still.Stop()
	p.moves = func() { still.Reset(a.patience) }
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, io.MultiReader(bytes.NewReader(head), p, bytes.NewReader(tail)))
	if err != nil {
		return err
	}
	req.ContentLength = int64(around.Len()) + p.size
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Expect", "100-continue")
	err = a.do(req, data)
	if failed := p.finish(err == nil); failed != nil {
		return failed
	}
	return err
}

// errStill is why a request was given up.
var errStill = errors.New("nothing moves")

// do sends a request with a fresh token and decodes the data of the answer.
func (a api) do(req *http.Request, data any) error {
	req.Header.Set("FZM-SIGNATURE", a.key.Token(time.Now(), tokenSuffix))
	req.Header.Set("Accept-Language", "en")
	res, err := a.client.Do(req)
	if err == nil {
		defer res.Body.Close()
		err = client.Decode(res, data)
	}
	if refused := (*client.CodeError)(nil); errors.As(err, &refused) {
		refused.Message = client.Clean(refused.Message)
	}
	if errors.Is(context.Cause(req.Context()), errStill) && err != nil {
		return fmt.Errorf("%s: %w", req.URL.Path, errStill)
	}
	return err
}
