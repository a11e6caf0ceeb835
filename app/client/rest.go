package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/pkg/auth"
	"parley/pkg/fault"
)

// restWithin bounds one request.
const restWithin = 20 * time.Second

// tokenSuffix tells the tokens of terminals from others.
const tokenSuffix = "parley-chat"

// REST is the REST API as a device of one user calls it.
type REST struct {
	base   string
	key    auth.Key
	uuid   string
	client *http.Client
}

func newREST(base string, key auth.Key, uuid string) REST {
	return REST{strings.TrimRight(base, "/"), key, uuid, &http.Client{Timeout: restWithin}}
}

// CodeError is an answer that says no.
type CodeError struct {
	Code    fault.Code
	Message string
}

// Error says it in the words of the server.
func (e *CodeError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, int(e.Code)) }

// Final reports whether an error is an answer of the REST API for good: the same
// request will not be answered in another way later.
func Final(err error) bool {
	refused := (*CodeError)(nil)
	return errors.As(err, &refused) && refused.Code != fault.Busy
}

// Call sends a request with a fresh token and decodes the data of the answer.
func (r REST) Call(ctx context.Context, path, contentType string, body []byte, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("FZM-SIGNATURE", r.key.Token(time.Now(), tokenSuffix))
	req.Header.Set("FZM-UUID", r.uuid)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept-Language", "en")
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return Decode(res, data)
}

// StatusError is an answer without the envelope of the API, as a proxy gives it, or
// a server that is something else.
type StatusError struct {
	Path   string
	Code   int    // the HTTP status
	Status string // the same with its words
}

// Error says who answered and how.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s is answered %s and is no Parley API", e.Path, e.Status)
}

// Decode decodes the data of an answer: a CodeError is one that says no, a
// StatusError one that is not of the API. Another error is that of reading it.
func Decode(res *http.Response, data any) error {
	var envelope struct {
		Result  *fault.Code     `json:"result"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Result == nil {
		return &StatusError{res.Request.URL.Path, res.StatusCode, Clean(res.Status)}
	}
	if *envelope.Result != fault.OK {
		return &CodeError{*envelope.Result, envelope.Message}
	}
	return json.Unmarshal(envelope.Data, data)
}

// JSON is Call with a body in JSON.
func (r REST) JSON(ctx context.Context, path string, body, data any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.Call(ctx, path, "application/json", encoded, data)
}
