// Package reply writes what every route answers: the envelope
//
//	{"result":int,"message":string,"data":…}
//
// with HTTP status 200 for every business outcome. Result codes become words
// here, in the language that the client asked for, and errors without a code
// are logged here, once. What the codes mean is pkg/fault's business.
package reply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/zeromicro/go-zero/core/logc"

	"parley/pkg/fault"
)

// Recorder is a ResponseWriter that wants to know the result code of the
// answer, for its access log. HTTP statuses say little here.
type Recorder interface {
	Result(code fault.Code)
}

// envelope is what an answer says.
type envelope struct {
	Result  fault.Code
	Message string
	Data    any // a literal or something to encode
}

// literal is JSON as it stands.
type literal string

const (
	noData      literal = "null"
	emptyObject literal = "{}"
)

// Write answers r: with data if err is nil, else with the code of err.
//
// data is a response struct or a pointer to one and belongs to this request
// alone: nil lists in it are made empty in place, because the API knows no
// null list. Without data the answer has an empty object.
func Write(w http.ResponseWriter, r *http.Request, data any, err error) {
	if err != nil {
		writeError(w, r, err)
		return
	}
	send(w, r, http.StatusOK, envelope{Result: fault.OK, Message: fault.OK.Text(false), Data: filled(data)})
}

// Status answers a request whose framing is wrong, or which came at a bad
// moment, with the HTTP status that says so and an envelope all the same.
func Status(w http.ResponseWriter, r *http.Request, status int) {
	code := codeOf(status, r.URL.Path)
	send(w, r, status, envelope{Result: code, Message: code.Text(english(r)), Data: noData})
}

// codeOf gives the result code that goes with an HTTP status.
func codeOf(status int, path string) fault.Code {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fault.Unsupported
	case http.StatusRequestEntityTooLarge:
		if strings.HasPrefix(path, "/oss/") {
			return fault.FileTooLarge
		}
		return fault.BadRequest
	default:
		return fault.Busy
	}
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		Status(w, r, http.StatusRequestEntityTooLarge)
		return
	}
	e := fault.Of(err)
	if !fault.Expected(err) && !gone(r) {
		logc.Errorw(r.Context(), "request failed",
			logc.Field("method", r.Method), logc.Field("path", r.URL.Path), logc.Field("error", err.Error()))
	}
	status := http.StatusOK
	if e.Overloaded {
		status = http.StatusServiceUnavailable
	}
	answer := envelope{Result: e.Code, Message: e.Code.Text(english(r)), Data: noData}
	if e.Code == fault.BadRequest && e.Detail != "" {
		answer.Message += ": " + e.Detail
	}
	if e.Data != nil {
		answer.Data = json.RawMessage(e.Data) // encoding checks and compacts it
	}
	send(w, r, status, answer)
}

// gone reports whether the client has left, so that whatever failed then
// failed because of that and is no news for an operator.
func gone(r *http.Request) bool { return errors.Is(r.Context().Err(), context.Canceled) }

// encoder is a JSON encoder with its buffer, kept between requests.
type encoder struct {
	bytes.Buffer
	json *json.Encoder
}

// keepBuffer is the largest buffer worth keeping for the next request.
const keepBuffer = 64 << 10

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.Buffer)
	// Text goes out as it is: nobody pastes an answer into HTML, and clients
	// compare strings.
	e.json.SetEscapeHTML(false)
	return e
}}

// envelope encodes an answer, in the order of fields that clients expect. The
// frame is written by hand: most answers are a code and words, and encoding/json
// would take most of the time that the gateway has for one.
func (e *encoder) envelope(answer envelope) error {
	e.Reset()
	e.WriteString(`{"result":`)
	e.Write(strconv.AppendInt(e.AvailableBuffer(), int64(answer.Result), 10))
	e.WriteString(`,"message":`)
	if err := e.text(answer.Message); err != nil {
		return err
	}
	e.WriteString(`,"data":`)
	if text, ok := answer.Data.(literal); ok {
		e.WriteString(string(text))
	} else if err := e.encode(answer.Data); err != nil {
		return err
	}
	return e.WriteByte('}')
}

// text appends a JSON string. The words of codes need no escapes; what comes
// behind them might.
func (e *encoder) text(s string) error {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return e.encode(s)
		}
	}
	e.WriteByte('"')
	e.WriteString(s)
	return e.WriteByte('"')
}

// encode appends v without the newline that json.Encoder puts behind it.
func (e *encoder) encode(v any) error {
	if err := e.json.Encode(v); err != nil {
		return err
	}
	e.Truncate(e.Len() - 1)
	return nil
}

var contentType = []string{"application/json"}

func send(w http.ResponseWriter, r *http.Request, status int, answer envelope) {
	e := encoders.Get().(*encoder)
	if err := e.envelope(answer); err != nil {
		logc.Errorw(r.Context(), "request answered with data that is no JSON",
			logc.Field("method", r.Method), logc.Field("path", r.URL.Path), logc.Field("error", err.Error()))
		answer = envelope{Result: fault.Busy, Message: fault.Busy.Text(english(r)), Data: noData}
		// Two constants and null can always be encoded.
		_ = e.envelope(answer)
	}
	if recorder, ok := w.(Recorder); ok {
		recorder.Result(answer.Result)
	}
	body := e.Bytes()
	header := w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	// An error here means that the client has left.
	_, _ = w.Write(body)
	if e.Cap() <= keepBuffer {
		encoders.Put(e)
	}
}
