package put

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatDidNotArriveDoesNotCount(t *testing.T) {
	t.Parallel()
	p := newProgress(io.Discard, nil, 100)
	defer p.end(false)
	for _, row := range []struct {
		sent bool
		want int64
	}{{true, 10}, {false, 10}, {true, 20}} {
		piece := &piece{in: strings.NewReader("0123456789"), left: 10, size: 10, bar: p, moves: func() {}}
		if n, err := piece.Read(make([]byte, 6)); n != 6 || err != nil {
			t.Fatalf("it reads %d, %v", n, err)
		}
		if row.sent {
			if rest, err := io.ReadAll(piece); string(rest) != "6789" || err != nil {
				t.Fatalf("the rest is %q, %v", rest, err)
			}
		}
		if err := piece.finish(row.sent); err != nil || p.done != row.want {
			t.Errorf("sent %t: %d bytes count, %v, want %d", row.sent, p.done, err, row.want)
		}
		if _, err := piece.Read(make([]byte, 1)); !errors.Is(err, errEnded) || p.done != row.want {
			t.Errorf("a read behind the end comes to %v, and %d bytes count", err, p.done)
		}
	}
}

// broken is a disk that fails.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestAFileThatCannotBeReadIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	u, err := newUpload(w.options)
	if err != nil {
		t.Fatal(err)
	}
	defer u.api.client.CloseIdleConnections()
	u.bar = newProgress(&w.said, nil, 5)
	defer u.bar.end(false)
	tries := 0
	err = u.try(t.Context(), func() error {
		tries++
		_, err := u.api.upload(t.Context(), "a", &piece{in: broken{}, name: "a", left: 5, size: 5, bar: u.bar})
		return err
	})
	if err == nil || err.Error() != "read the file: input/output error" || tries != 1 {
		t.Errorf("after %d tries it comes to %v", tries, err)
	}
}

// slow is a disk or a line that takes nearly too long for each byte.
type slow struct{ in io.Reader }

// Read implements io.Reader.
func (s slow) Read(b []byte) (int, error) {
	time.Sleep(defaultPatience - time.Second)
	return s.in.Read(b[:1])
}

// transport is a server that is in the process, for tests in which time is not real.
type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestOnlyWhatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	key := newWorld(t, 0).options.Key
	for _, row := range []struct {
		answers bool
		takes   time.Duration
		want    string
	}{
		{true, 16 * (defaultPatience - time.Second), ""}, // with the end of the file
		{false, 16*(defaultPatience-time.Second) + defaultPatience, "/oss/upload: nothing moves"},
	} {
		synctest.Test(t, func(t *testing.T) {
			bar := newProgress(io.Discard, nil, 15)
			defer bar.end(false)
			u, err := newUpload(Options{URL: "http://localhost", Key: key})
			if err != nil {
				t.Fatal(err)
			}
			u.api.client.Transport = transport(func(r *http.Request) (*http.Response, error) {
				if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), "fifteen bytes !") {
					t.Errorf("the body is %q, %v", body, err)
				}
				if !row.answers {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				answer := `{"result":0,"message":"OK","data":{"url":"u","uri":"u"}}`
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
			})
			began := time.Now()
			_, err = u.api.upload(t.Context(), "a", &piece{in: slow{strings.NewReader("fifteen bytes !")}, name: "a", left: 15, size: 15, bar: bar})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if took := time.Since(began); got != row.want || took != row.takes {
				t.Errorf("after %v it comes to %q, want %q after %v", took, got, row.want, row.takes)
			}
		})
	}
}

// Elsewhere nobody shall get a token.
func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		w := newWorld(t, 5)
		server := httptest.NewServer(http.RedirectHandler(w.server.url+"/oss/upload", status))
		w.options.URL = server.URL
		w.fails("/oss/upload is answered 30", "and is no Parley API")
		server.Close()
		if w.server.all != 0 {
			t.Errorf("a redirect with %d was followed", status)
		}
	}
}
