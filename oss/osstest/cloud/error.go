package cloud

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Error is an error as clouds answer it.
type Error struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func denied(message string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: message}
}

// refuse answers an error. It reads what is left of the body before, since a client
// that is still sending may not hear an answer.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, e *Error) {
	_, _ = io.Copy(io.Discard, r.Body)
	id := requestID()
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
		HostID    string `xml:"HostId"`
	}{Code: e.Code, Message: e.Message, RequestID: id, HostID: r.Host})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set(s.vendor.Prefix+"request-id", id)
	h.Set("Content-Type", "application/xml")
	if r.Method == http.MethodHead {
		s.vendor.Explain(h, e, body)
		body = nil
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

// requestID returns a new id of a request: 24 hexadecimal digits.
func requestID() string { return random(12) }

// random returns the hexadecimal digits of n random bytes.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return strings.ToUpper(hex.EncodeToString(b))
}
