package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"testing"

	"parley/pkg/fault"
)

// object names an object as apps do.
type object struct {
	app, provider, key string
}

// inDtalk is an object in the default store of the app dtalk.
func inDtalk(key string) object { return object{app: "dtalk", key: key} }

// json is an object as fields of a JSON body, with more beside them.
func (o object) json(more map[string]any) map[string]any {
	all := map[string]any{"appId": o.app, "ossType": o.provider, "key": o.key}
	maps.Copy(all, more)
	return all
}

// texts are the fields of an object as parts, with others behind them.
func (o object) texts(more ...part) parts {
	return append(parts{textPart("appId", o.app), textPart("ossType", o.provider), textPart("key", o.key)}, more...)
}

// location is where an object can be read.
type location struct {
	URL string `json:"url"`
	URI string `json:"uri"`
}

// multipart sends parts in their order.
func (c *client) multipart(path string, p parts) *answer {
	c.t.Helper()
	contentType, body := p.encode(verbatim)
	return c.request(http.MethodPost, path, contentType, bytes.NewReader(body))
}

func verbatim(s string) string { return s }

// put uploads a whole file.
func (c *client) put(o object, content []byte) *answer {
	c.t.Helper()
	return c.multipart("/oss/upload", o.texts(file("file", string(content))))
}

// store uploads a whole file, which must succeed, and returns where it is.
func (c *client) store(o object, content []byte) location {
	c.t.Helper()
	var l location
	c.put(o, content).want(c.t, fault.OK).into(c.t, &l)
	return l
}

// initiate asks for an upload in parts.
func (c *client) initiate(o object) *answer {
	c.t.Helper()
	return c.post("/oss/init-multipart-upload", o.json(nil))
}

// begin starts an upload in parts, which must succeed, and returns its id.
func (c *client) begin(o object) string {
	c.t.Helper()
	var begun struct {
		UploadID string `json:"uploadId"`
		Key      string `json:"key"`
	}
	c.initiate(o).want(c.t, fault.OK).into(c.t, &begun)
	if begun.UploadID == "" || begun.Key != o.key {
		c.t.Fatalf("an upload of %q is begun as %+v", o.key, begun)
	}
	return begun.UploadID
}

// part uploads a part.
func (c *client) part(o object, upload string, number int, content []byte) *answer {
	c.t.Helper()
	return c.multipart("/oss/upload-part", o.texts(
		textPart("uploadId", upload), textPart("partNumber", strconv.Itoa(number)), file("file", string(content))))
}

// etag is a part that was uploaded, as a list of parts has it.
type etag struct {
	ETag       string `json:"ETag"`
	PartNumber int    `json:"partNumber"`
}

// write uploads a part, which must succeed.
func (c *client) write(o object, upload string, number int, content []byte) etag {
	c.t.Helper()
	var written struct {
		etag
		UploadID string `json:"uploadId"`
		Key      string `json:"key"`
	}
	c.part(o, upload, number, content).want(c.t, fault.OK).into(c.t, &written)
	if written.PartNumber != number || written.ETag == "" || written.UploadID != upload || written.Key != o.key {
		c.t.Fatalf("part %d of %q is answered with %+v", number, o.key, written)
	}
	return written.etag
}

// complete makes an object of parts: a list of them, or whatever JSON has for it.
func (c *client) complete(o object, upload string, parts any) *answer {
	c.t.Helper()
	return c.post("/oss/complete-multipart-upload", o.json(map[string]any{"uploadId": upload, "parts": parts}))
}

func (c *client) abort(o object, upload string) *answer {
	c.t.Helper()
	return c.post("/oss/abort-multipart-upload", o.json(map[string]any{"uploadId": upload}))
}

// download reads a url as a browser does, without headers of ours.
func download(t testing.TB, url string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

// holds fails the test unless a url reads as content.
func holds(t testing.TB, url string, content []byte) {
	t.Helper()
	if status, _, got := download(t, url); status != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("%s reads with status %d as %s, want %s", url, status, brief(got), brief(content))
	}
}

// isGone fails the test unless there is nothing at a url.
func isGone(t testing.TB, url string) {
	t.Helper()
	if status, _, got := download(t, url); status != http.StatusNotFound {
		t.Errorf("%s reads with status %d as %s, want nothing", url, status, brief(got))
	}
}

func brief(b []byte) string { return fmt.Sprintf("%d bytes %.40q", len(b), b) }
