package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestAnAddressIsASchemeAndAHost(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://oss.example.com":   "https://oss.example.com",
		"http://127.0.0.1:9000/":    "http://127.0.0.1:9000",
		"oss.example.com":           "https://oss.example.com",
		"oss.example.com:8443":      "https://oss.example.com:8443",
		"":                          "",
		"ftp://oss.example.com":     "",
		"https://oss.example.com/a": "",
		"https://oss.example.com?a": "",
		"https://u:p@example.com":   "",
		"https://":                  "",
		"http://a b":                "",
	} {
		u, err := Base(address)
		if err != nil {
			if want != "" || strings.Contains(err.Error(), "u:p") {
				t.Errorf("%q: %v", address, err)
			}
			continue
		}
		if u.String() != want {
			t.Errorf("%q is read as %q, want %q", address, u, want)
		}
	}
}

func TestACauseTellsNoURL(t *testing.T) {
	t.Parallel()
	const signed = "http://bucket.example.com/a?Signature=abc"
	for name, err := range map[string]error{
		"of a request": &url.Error{Op: "Put", URL: signed, Err: context.DeadlineExceeded},
		"wrapped":      fmt.Errorf("send: %w", &url.Error{Op: "Put", URL: signed, Err: context.DeadlineExceeded}),
	} {
		cause := Cause(err)
		if !errors.Is(cause, context.DeadlineExceeded) || strings.Contains(cause.Error(), "Signature") {
			t.Errorf("%s: %v", name, cause)
		}
	}
	long := Cause(errors.New(strings.Repeat("word 字\n", 100))).Error()
	if len(long) > maxText+10 || strings.Contains(long, "\n") || !strings.HasPrefix(long, "word 字 word") {
		t.Errorf("a long cause is %q", long)
	}
}

func TestANameBelowLocalhostIsTheOwnMachine(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := Client()
	t.Cleanup(client.CloseIdleConnections)
	host := "bucket.localhost:" + u.Port()
	response, err := client.Get("http://" + host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != host {
		t.Errorf("the host is %q, %v", body, err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	client := Client()
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("the status is %d", response.StatusCode)
	}
}
