package aliyun_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"parley/oss"
	"parley/pkg/fault"
)

func TestTemporaryCredentialsSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, func(c *oss.BucketConfig) { c.TokenLife = 20 * time.Minute })
	c, err := bucket.Issue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID == "" || c.AccessKeySecret == "" || c.SecurityToken == "" || c.RequestID == "" {
		t.Error("something of the credentials is missing")
	}
	if left := time.Until(c.Expires); left < 19*time.Minute || left > 20*time.Minute {
		t.Errorf("they live for %v, want 20 minutes", left)
	}
	if c.RoleARN != "acs:ram::1234567890123456:assumed-role/uploader/parley" || !strings.HasSuffix(c.RoleID, ":parley") {
		t.Errorf("they are those of %q, %q", c.RoleID, c.RoleARN)
	}
	if n := fake.Tokens.Requests(); n != 1 {
		t.Errorf("%d requests were made for them", n)
	}
}

func TestTemporaryCredentialsWriteBelowTheirPrefixAndDoNothingElse(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, func(c *oss.BucketConfig) { c.TokenPrefix = "chat/" })
	if err := fake.Place("chat/there", text, []byte("x")); err != nil {
		t.Fatal(err)
	}
	c, err := bucket.Issue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := bearer(t, fake.Bucket(), c, c.SecurityToken)
	upload, err := client.InitiateMultipartUpload("chat/parts")
	if err != nil {
		t.Fatalf("start an upload: %v", err)
	}
	part, err := client.UploadPart(upload, strings.NewReader("hello"), 5, 1)
	if err != nil {
		t.Fatalf("send a part: %v", err)
	}
	if _, err := client.CompleteMultipartUpload(upload, []sdk.UploadPart{part}); err != nil {
		t.Errorf("complete the upload: %v", err)
	}
	dropped, err := client.InitiateMultipartUpload("chat/dropped")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"write":           client.PutObject("chat/a", strings.NewReader("hello")),
		"abort an upload": client.AbortMultipartUpload(dropped),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, readErr := client.GetObject("chat/there")
	_, listErr := client.ListObjectsV2()
	_, partsErr := client.ListUploadedParts(upload)
	for name, err := range map[string]error{
		"write beside the prefix": client.PutObject("chats/a", strings.NewReader("hello")),
		"read":                    readErr, "list": listErr, "list parts": partsErr,
		"delete":            client.DeleteObject("chat/there"),
		"leave out a token": bearer(t, fake.Bucket(), c, "").PutObject("chat/a", strings.NewReader("hello")),
		"use another token": bearer(t, fake.Bucket(), c, "other").PutObject("chat/a", strings.NewReader("hello")),
	} {
		var refusal sdk.ServiceError
		if !errors.As(err, &refusal) || refusal.StatusCode != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bearer is a client as an app has it.
func bearer(t *testing.T, config oss.BucketConfig, c oss.Credentials, token string) *sdk.Bucket {
	t.Helper()
	client, err := sdk.New(config.Endpoint, c.AccessKeyID, c.AccessKeySecret,
		sdk.SecurityToken(token), sdk.AuthVersion(sdk.AuthV4), sdk.Region(config.Region))
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := client.Bucket(config.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func TestARefusalOfCredentialsSaysWhatTheCloudSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*oss.BucketConfig)
		status int
		code   string
	}{
		{"another secret", func(c *oss.BucketConfig) { c.AccessKeySecret = "quite another secret" }, 400, "SignatureDoesNotMatch"},
		{"another key", func(c *oss.BucketConfig) { c.AccessKeyID = "another" }, 404, "InvalidAccessKeyId.NotFound"},
		{"another role", func(c *oss.BucketConfig) { c.Role += "x" }, 404, "EntityNotExist.Role"},
		{"longer than the role allows", func(c *oss.BucketConfig) { c.TokenLife = 2 * time.Hour }, 400, "InvalidParameter.DurationSeconds"},
		{"another bucket", func(c *oss.BucketConfig) { c.Bucket = "parley-test-2" }, 400, "PolicyTooWide"},
		{"another region", func(c *oss.BucketConfig) { c.Region = "cn-shanghai" }, 0, ""},
	} {
		fake, bucket := open(t, c.change)
		_, err := bucket.Issue(t.Context())
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var e *oss.ProviderError
		if !errors.As(err, &e) || e.Provider != oss.Aliyun || e.Status != c.status || e.Code != c.code || e.RequestID == "" || e.Temporary() {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if said := err.Error(); strings.Contains(said, "another secret") || strings.Contains(said, "://") {
			t.Errorf("%s tells: %s", c.name, said)
		}
		if n := fake.Tokens.Requests(); n != 1 {
			t.Errorf("%s: %d requests", c.name, n)
		}
	}
}

func TestATokenServiceThatIsDownIsAskedOnce(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, nil)
	fake.Tokens.Fail(1)
	_, err := bucket.Issue(t.Context())
	var e *oss.ProviderError
	if !errors.As(err, &e) || e.Status != 503 || e.Code != "ServiceUnavailable" || !e.Temporary() {
		t.Errorf("the error is %v", err)
	}
	if n := fake.Tokens.Requests(); n != 1 {
		t.Errorf("%d requests were made", n)
	}
	if _, err := bucket.Issue(t.Context()); err != nil {
		t.Errorf("the next time: %v", err)
	}
}

func TestATokenServiceThatHangsIsLeftWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, nil)
	fake.Tokens.Hang()
	defer fake.Tokens.Heal() // which ends what the SDK goes on with
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := bucket.Issue(ctx)
	var e *oss.ProviderError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(began); took > 5*time.Second { // the time-outs of the SDK are longer
		t.Errorf("it took %v", took)
	}
}

func TestWithoutARoleThereAreNoTemporaryCredentials(t *testing.T) {
	t.Parallel()
	fake, bucket := open(t, func(c *oss.BucketConfig) { c.Role = "" })
	if _, err := bucket.Issue(t.Context()); !errors.Is(err, fault.Unsupported) {
		t.Errorf("the error is %v", err)
	}
	if n := fake.Tokens.Requests(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
