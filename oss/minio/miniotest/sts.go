package miniotest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/oss"
)

// STS is a fake of MinIO's Security Token Service. It takes requests as the
// service does, with a good signature only, and wants more of them than it does:
// a policy that allows writing objects of the bucket and nothing else.
type STS struct {
	// Config is of a bucket whose temporary credentials come from here.
	Config oss.BucketConfig

	t testing.TB

	mu       sync.Mutex
	requests int
	last     AssumeRole
	status   int
	code     string
	slow     bool
}

// AssumeRole is what a request for credentials asked for.
type AssumeRole struct {
	Life     time.Duration
	Resource string // that may be written
	Role     string
	Session  string
}

// NewSTS starts a service that ends with the test.
func NewSTS(t testing.TB) *STS {
	t.Helper()
	s := &STS{t: t}
	ending, end := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(ending, w, r) }))
	t.Cleanup(func() {
		end()
		server.Close()
	})
	s.Config = oss.BucketConfig{
		Endpoint:        "http://127.0.0.1:1", // where nobody is
		Region:          "eu-test-1",
		Bucket:          "bucket",
		AccessKeyID:     rand.Text(),
		AccessKeySecret: rand.Text(),
		TokenEndpoint:   server.URL,
	}
	return s
}

// Fail answers requests with this error from now on. A status of 0 ends that.
func (s *STS) Fail(status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.code = status, code
}

// Slow leaves requests without an answer, or no longer.
func (s *STS) Slow(slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = slow
}

// Requests returns how many requests there were, good or not.
func (s *STS) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Last returns what the last good request asked for.
func (s *STS) Last() AssumeRole {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *STS) serve(ending context.Context, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	s.mu.Lock()
	s.requests++
	status, code, slow := s.status, s.code, s.slow
	s.mu.Unlock()
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	case slow:
		select {
		case <-r.Context().Done():
		case <-ending.Done():
		}
		return
	case status != 0:
		refuse(w, status, code)
		return
	}
	if err := verify(r, body, s.Config.AccessKeyID, s.Config.AccessKeySecret, s.Config.Region, "sts", time.Now()); err != nil {
		s.t.Logf("the request is not signed well: %v", err)
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	asked, err := s.read(r, body)
	if err != nil {
		s.t.Logf("the request is not good: %v", err)
		refuse(w, http.StatusBadRequest, "InvalidParameterValue")
		return
	}
	s.mu.Lock()
	s.last = asked
	s.mu.Unlock()
	answer(w, asked)
}

// read takes a request apart: MinIO, "AssumeRole".
func (s *STS) read(r *http.Request, body []byte) (asked AssumeRole, err error) {
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return asked, errors.New("it is no form")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return asked, err
	}
	if form.Get("Action") != "AssumeRole" || form.Get("Version") != "2011-06-15" {
		return asked, fmt.Errorf("it asks for %q of %q", form.Get("Action"), form.Get("Version"))
	}
	seconds, err := strconv.Atoi(form.Get("DurationSeconds"))
	if err != nil || seconds < 900 || seconds > 604800 {
		return asked, fmt.Errorf("a life of %q seconds", form.Get("DurationSeconds"))
	}
	asked = AssumeRole{Life: time.Duration(seconds) * time.Second, Role: form.Get("RoleArn"), Session: form.Get("RoleSessionName")}
	asked.Resource, err = writable(form.Get("Policy"), s.Config.Bucket)
	return asked, err
}

// writable returns what a policy allows to be written: IAM, "IAM JSON policy
// elements reference".
func writable(text, bucket string) (string, error) {
	var policy struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   []string
			Resource []string
		}
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil {
		return "", fmt.Errorf("the policy: %w", err)
	}
	// IAM, "AssumeRole", Policy: at most 2,048 characters.
	if policy.Version != "2012-10-17" || len(policy.Statement) != 1 || len(text) > 2048 {
		return "", errors.New("the policy is of another version, or not of one statement")
	}
	statement := policy.Statement[0]
	slices.Sort(statement.Action)
	if statement.Effect != "Allow" || !slices.Equal(statement.Action, []string{"s3:AbortMultipartUpload", "s3:PutObject"}) {
		return "", fmt.Errorf("the policy allows %v", statement.Action)
	}
	if len(statement.Resource) != 1 || !strings.HasPrefix(statement.Resource[0], "arn:aws:s3:::"+bucket+"/") || !strings.HasSuffix(statement.Resource[0], "*") {
		return "", fmt.Errorf("the policy is for %v", statement.Resource)
	}
	return statement.Resource[0], nil
}

// RequestID is that of every answer of the service.
const RequestID = "16A0B1C2D3E4F506"

// RoleID is that of every role; its ARN is the one that was asked for.
const RoleID = "AROA:parley"

func answer(w http.ResponseWriter, asked AssumeRole) {
	type user struct {
		ARN string `xml:"Arn"`
		ID  string `xml:"AssumeRoleId"` // MinIO calls it so
	}
	type keys struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		Expiration      string
		SessionToken    string
	}
	var u user
	if asked.Role != "" {
		u = user{asked.Role, RoleID}
	}
	write(w, http.StatusOK, struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
		User      user     `xml:"AssumeRoleResult>AssumedRoleUser"`
		Keys      keys     `xml:"AssumeRoleResult>Credentials"`
		RequestID string   `xml:"ResponseMetadata>RequestId"`
	}{User: u, Keys: keys{
		AccessKeyID: rand.Text(), SecretAccessKey: rand.Text(), SessionToken: rand.Text(),
		Expiration: time.Now().Add(asked.Life).UTC().Format(time.RFC3339),
	}, RequestID: RequestID})
}

func refuse(w http.ResponseWriter, status int, code string) {
	write(w, status, struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{Code: code, Message: "It is a fake.", RequestID: RequestID})
}

func write(w http.ResponseWriter, status int, document any) {
	text, err := xml.Marshal(document)
	if err != nil {
		panic(err) // the documents are made here
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), text...))
}
