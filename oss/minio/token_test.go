package minio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/minio/miniotest"
)

func TestCredentialsAreToWriteOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(*oss.BucketConfig)
		want     miniotest.AssumeRole
		roleID   string
		endpoint bool // the token endpoint is the endpoint
	}{
		"of a MinIO": {
			change:   func(c *oss.BucketConfig) { c.Endpoint, c.TokenEndpoint = c.TokenEndpoint, "" },
			want:     miniotest.AssumeRole{Life: time.Hour, Resource: "arn:aws:s3:::bucket/*"},
			endpoint: true,
		},
		"below a prefix, for a while": {
			change: func(c *oss.BucketConfig) { c.TokenPrefix, c.TokenLife = "up/<ü>/", 15*time.Minute },
			want:   miniotest.AssumeRole{Life: 15 * time.Minute, Resource: "arn:aws:s3:::bucket/up/<ü>/*"},
		},
		"as a role": {
			change: func(c *oss.BucketConfig) { c.Role = "arn:aws:iam::1:role/writer" },
			want: miniotest.AssumeRole{Life: time.Hour, Resource: "arn:aws:s3:::bucket/*",
				Role: "arn:aws:iam::1:role/writer", Session: "parley"},
			roleID: miniotest.RoleID,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sts := miniotest.NewSTS(t)
			c.change(&sts.Config)
			bucket, _ := open(t, sts.Config)
			got, err := bucket.Issue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if asked := sts.Last(); asked != c.want || sts.Requests() != 1 {
				t.Errorf("%d requests asked for %+v, want %+v", sts.Requests(), asked, c.want)
			}
			if got.AccessKeyID == "" || got.AccessKeySecret == "" || got.SecurityToken == "" || got.RequestID != miniotest.RequestID {
				t.Error("something is missing in the credentials")
			}
			if left := time.Until(got.Expires); left > c.want.Life || left < c.want.Life-time.Minute {
				t.Errorf("they are good for %v", left)
			}
			if got.RoleARN != c.want.Role || got.RoleID != c.roleID {
				t.Errorf("they are of %q, %q", got.RoleARN, got.RoleID)
			}
		})
	}
}

func TestARefusalOfCredentialsSaysWhy(t *testing.T) {
	t.Parallel()
	sts := miniotest.NewSTS(t)
	secret := sts.Config.AccessKeySecret
	wrong := sts.Config
	wrong.AccessKeySecret += "0"
	check := func(config oss.BucketConfig, want oss.ProviderError) {
		t.Helper()
		bucket, _ := open(t, config)
		_, err := bucket.Issue(t.Context())
		var got *oss.ProviderError
		if !errors.As(err, &got) || got.Status != want.Status || got.Code != want.Code || got.RequestID != miniotest.RequestID || got.Op == "" {
			t.Errorf("the error is %v, want %+v", err, want)
		} else if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "://") {
			t.Errorf("the error tells too much: %v", err)
		}
	}
	check(wrong, oss.ProviderError{Status: 403, Code: "SignatureDoesNotMatch"})
	sts.Fail(http.StatusServiceUnavailable, "SlowDown")
	check(sts.Config, oss.ProviderError{Status: 503, Code: "SlowDown"})
	sts.Fail(http.StatusForbidden, "AccessDenied")
	check(sts.Config, oss.ProviderError{Status: 403, Code: "AccessDenied"})
	if n := sts.Requests(); n != 3 {
		t.Errorf("3 calls made %d requests", n)
	}
	sts.Fail(0, "")
	bucket, _ := open(t, sts.Config)
	if _, err := bucket.Issue(t.Context()); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

func TestASlowServiceIsNotWaitedForLongerThanAsked(t *testing.T) {
	t.Parallel()
	sts := miniotest.NewSTS(t)
	sts.Slow(true)
	bucket, _ := open(t, sts.Config)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := bucket.Issue(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

func TestAnAnswerWithoutGoodCredentialsIsAnError(t *testing.T) {
	t.Parallel()
	const begin, end = "<AssumeRoleResponse><AssumeRoleResult><Credentials>", "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
	const keys = "<AccessKeyId>id</AccessKeyId><SecretAccessKey>5ecret</SecretAccessKey>"
	for name, text := range map[string]string{
		"nothing":          "",
		"of another kind":  "<html>5ecret</html>",
		"cut off":          begin + keys,
		"empty":            begin + end,
		"without a token":  begin + keys + "<Expiration>2999-01-01T00:00:00Z</Expiration>" + end,
		"expired":          begin + keys + "<SessionToken>t</SessionToken><Expiration>2001-01-01T00:00:00Z</Expiration>" + end,
		"without an end":   begin + keys + "<SessionToken>t</SessionToken>" + end,
		"an end that none": begin + keys + "<SessionToken>t</SessionToken><Expiration>5ecret</Expiration>" + end,
	} {
		bucket, _ := answering(t, http.StatusOK, http.Header{"X-Amz-Request-Id": {"7"}}, text)
		got, err := bucket.Issue(t.Context())
		var failure *oss.ProviderError
		if !errors.As(err, &failure) || !failure.Temporary() || failure.RequestID != "7" || strings.Contains(err.Error(), "5ecret") {
			t.Errorf("%s: %v", name, err)
		}
		if got != (oss.Credentials{}) {
			t.Errorf("%s: there are credentials all the same", name)
		}
	}
}
