package cloud

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Answer is what a cloud answered.
type Answer struct {
	Status    int
	Header    http.Header
	Body      string
	Code      string // of an error, or ""
	RequestID string // in the body of an error, or ""
}

// Ask sends a request as it is, as a client does that knows nothing of the cloud, and
// returns what it answers. "Host" in the header is the host that is asked for.
func Ask(t testing.TB, method, url string, header map[string]string, body string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
	var e struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		RequestID string `xml:"RequestId"`
	}
	if xml.Unmarshal(text, &e) == nil {
		a.Code, a.RequestID = e.Code, e.RequestID
	}
	return a
}
