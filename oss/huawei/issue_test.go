package huawei_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"

	"parley/oss"
	"parley/oss/outbound"
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
	if c.RoleARN != "" || c.RoleID != "" {
		t.Errorf("they are those of %q, %q, which this cloud does not say", c.RoleID, c.RoleARN)
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
	upload, err := client.InitiateMultipartUpload(&obs.InitiateMultipartUploadInput{ObjectOperationInput: at("chat/parts")})
	if err != nil {
		t.Fatalf("start an upload: %v", err)
	}
	part, err := client.UploadPart(&obs.UploadPartInput{
		Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: 1, Body: strings.NewReader("hello"), PartSize: 5,
	})
	if err != nil {
		t.Fatalf("send a part: %v", err)
	}
	_, completeErr := client.CompleteMultipartUpload(&obs.CompleteMultipartUploadInput{
		Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, Parts: []obs.Part{{PartNumber: 1, ETag: part.ETag}},
	})
	dropped, err := client.InitiateMultipartUpload(&obs.InitiateMultipartUploadInput{ObjectOperationInput: at("chat/dropped")})
	if err != nil {
		t.Fatal(err)
	}
	_, abortErr := client.AbortMultipartUpload(&obs.AbortMultipartUploadInput{Bucket: dropped.Bucket, Key: dropped.Key, UploadId: dropped.UploadId})
	for name, err := range map[string]error{
		"complete an upload": completeErr, "abort an upload": abortErr, "write": put(client, "chat/a"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, readErr := client.GetObject(&obs.GetObjectInput{GetObjectMetadataInput: obs.GetObjectMetadataInput{Bucket: upload.Bucket, Key: "chat/there"}})
	_, listErr := client.ListObjects(&obs.ListObjectsInput{Bucket: upload.Bucket})
	_, partsErr := client.ListParts(&obs.ListPartsInput{Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId})
	_, deleteErr := client.DeleteObject(&obs.DeleteObjectInput{Bucket: upload.Bucket, Key: "chat/there"})
	for name, err := range map[string]error{
		"read": readErr, "list": listErr, "list parts": partsErr, "delete": deleteErr,
		"write beside the prefix": put(client, "chats/a"),
		"leave out a token":       put(bearer(t, fake.Bucket(), c, ""), "chat/a"),
		"use another token":       put(bearer(t, fake.Bucket(), c, "other"), "chat/a"),
	} {
		var refusal obs.ObsError
		if !errors.As(err, &refusal) || refusal.StatusCode != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func at(key string) obs.ObjectOperationInput {
	return obs.ObjectOperationInput{Bucket: "parley-test", Key: key}
}

func put(client *obs.ObsClient, key string) error {
	in := &obs.PutObjectInput{Body: strings.NewReader("hello")}
	in.ObjectOperationInput, in.ContentLength = at(key), 5
	_, err := client.PutObject(in)
	return err
}

// bearer is a client as an app has it. It reaches the fake by the connections of the
// adapter, which know names below localhost.
func bearer(t *testing.T, config oss.BucketConfig, c oss.Credentials, token string) *obs.ObsClient {
	t.Helper()
	client, err := obs.New(c.AccessKeyID, c.AccessKeySecret, config.Endpoint, obs.WithSecurityToken(token),
		obs.WithSignature(obs.SignatureObs), obs.WithHttpClient(outbound.Client()), obs.WithMaxRetryCount(0))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestARefusalOfCredentialsSaysWhatTheCloudSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*oss.BucketConfig)
		status int
		code   string
	}{
		{"another secret", func(c *oss.BucketConfig) { c.AccessKeySecret = "quite another secret" }, 401, "APIGW.0301"},
		{"another key", func(c *oss.BucketConfig) { c.AccessKeyID = "another" }, 401, "APIGW.0301"},
		{"another agency", func(c *oss.BucketConfig) { c.Role += "x" }, 404, "IAM.0004"},
		{"another account", func(c *oss.BucketConfig) { c.RoleDomain += "x" }, 404, "IAM.0004"},
		{"another bucket", func(c *oss.BucketConfig) { c.Bucket = "parley-test-2" }, 400, "IAM.0011"},
		{"another region", func(c *oss.BucketConfig) { c.Region = "cn-east-3" }, 0, ""},
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
		if !errors.As(err, &e) || e.Provider != oss.Huaweiyun || e.Status != c.status || e.Code != c.code || e.RequestID == "" || e.Temporary() {
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
	if !errors.As(err, &e) || e.Status != 503 || e.Code != "IAM.0007" || !e.Temporary() {
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
