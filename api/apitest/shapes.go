package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/api"
	"parley/pkg/fault"
)

// document is what is needed of an OpenAPI document.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Tags        []string
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref              string `json:"$ref"`
	Type             any
	Properties       map[string]schema
	Required         []string
	AnyOf            []schema
	Items            *schema
	Enum             []any
	ContentMediaType string
}

// onlyFile reports whether s is a form that consists of a file.
func (s schema) onlyFile() bool {
	for _, p := range s.Properties {
		if p.ContentMediaType == "" {
			return false
		}
	}
	return len(s.Properties) > 0
}

func parse(t *testing.T) document {
	t.Helper()
	var doc document
	if err := json.Unmarshal(api.OpenAPI, &doc); err != nil {
		t.Fatalf("read openapi.json: %v", err)
	}
	return doc
}

func (d document) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Components.Schemas[name]
	}
	return s
}

// sample is a value that s allows. The text "1" passes for an id, a user and a
// key alike.
func (d document) sample(s schema) any {
	s = d.resolve(s)
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch s.Type {
	case "integer":
		return 1
	case "boolean":
		return true
	case "array":
		return []any{d.sample(*s.Items)}
	case "object":
		return d.samples(s, s.Required)
	default:
		return "1"
	}
}

func (d document) samples(s schema, names []string) map[string]any {
	values := map[string]any{}
	for _, name := range names {
		values[name] = d.sample(s.Properties[name])
	}
	return values
}

// sender sends requests to one route.
type sender struct {
	t                   *testing.T
	handler             http.Handler
	method, path, media string
}

// try sends every smallest request that the document allows, which has to pass
// for well-formed, and then again without any one of its fields, which has to
// be refused. What the route answers beyond that is not looked at. A route
// that takes nothing but a file has no fields, and the file has rules of its
// own, so it is left out.
func (s sender) try(doc document, body schema) {
	body = doc.resolve(body)
	if body.onlyFile() {
		return
	}
	choices := body.AnyOf
	if len(choices) == 0 {
		choices = []schema{{}}
	}
	for _, choice := range choices {
		names := slices.Concat(body.Required, choice.Required)
		s.accepts(doc.samples(body, names))
		for _, without := range names {
			if body.Properties[without].ContentMediaType != "" {
				continue // a missing file has a code of its own
			}
			fields := doc.samples(body, names)
			delete(fields, without)
			s.refuses(fields, without, slices.Contains(choice.Required, without))
		}
	}
}

func (s sender) accepts(fields map[string]any) {
	s.t.Helper()
	if code := s.send(fields, goodToken); code == fault.BadRequest {
		s.t.Errorf("%s %s refuses %s %v, which the document allows", s.method, s.path, s.media, fields)
	}
}

// refuses demands that the request is malformed without a field. A field that
// is one of a choice is looked for by the logic, so a route that is not
// supported yet says that first.
func (s sender) refuses(fields map[string]any, without string, choice bool) {
	s.t.Helper()
	code := s.send(fields, goodToken)
	if code != fault.BadRequest && !(choice && code == fault.Unsupported) {
		s.t.Errorf("%s %s without %s (%s) answers %d, the document demands it", s.method, s.path, without, s.media, code)
	}
}

func (s sender) send(fields map[string]any, token string) fault.Code {
	s.t.Helper()
	body, contentType := encode(s.t, s.media, fields)
	r := httptest.NewRequest(s.method, s.path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("FZM-SIGNATURE", token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var answer struct{ Result *fault.Code }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Result == nil || w.Code != http.StatusOK {
		s.t.Errorf("%s %s answers status %d and %q, want an envelope", s.method, s.path, w.Code, w.Body)
		return 0
	}
	return *answer.Result
}

func encode(t *testing.T, media string, fields map[string]any) (*bytes.Buffer, string) {
	t.Helper()
	body := new(bytes.Buffer)
	switch media {
	case "":
		return body, ""
	case "multipart/form-data":
		form := multipart.NewWriter(body)
		for name, value := range fields {
			if name == "file" {
				continue
			}
			for _, v := range texts(value) {
				if err := form.WriteField(name, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, ok := fields["file"]; ok {
			w, err := form.CreateFormFile("file", "f")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte("content"))
		}
		_ = form.Close()
		return body, form.FormDataContentType()
	case "application/x-www-form-urlencoded":
		values := url.Values{}
		for name, value := range fields {
			values[name] = texts(value)
		}
		body.WriteString(values.Encode())
		return body, media
	default:
		if err := json.NewEncoder(body).Encode(fields); err != nil {
			t.Fatal(err)
		}
		return body, media
	}
}

// texts are the values of a form field.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{fmt.Sprint(value)}
	}
	var all []string
	for _, v := range list {
		all = append(all, fmt.Sprint(v))
	}
	return all
}
