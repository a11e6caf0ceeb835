package minio

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"parley/oss"
)

// How long temporary credentials live: MinIO, "AssumeRole", DurationSeconds.
const (
	defaultLife = time.Hour
	minLife     = 15 * time.Minute
	maxLife     = 7 * 24 * time.Hour
)

// checkToken checks what temporary credentials are made from, and fills in what
// was left out.
func checkToken(config *oss.BucketConfig) error {
	config.TokenLife = cmp.Or(config.TokenLife, defaultLife)
	if config.TokenLife < minLife || config.TokenLife > maxLife {
		return fmt.Errorf("the life of temporary credentials is %v, not %v to %v", config.TokenLife, minLife, maxLife)
	}
	// In a policy these stand for more than themselves, and would give more away.
	if strings.ContainsAny(config.TokenPrefix, "*?$") {
		return errors.New("the prefix of temporary credentials has one of *, ? and $ in it")
	}
	endpoint, err := base(cmp.Or(config.TokenEndpoint, config.Endpoint))
	if err != nil {
		return fmt.Errorf("the token endpoint %w", err)
	}
	endpoint.Path = cmp.Or(endpoint.Path, "/")
	config.TokenEndpoint = endpoint.String()
	return nil
}

// writePolicy allows what writing objects needs, in one piece and in parts, and
// nothing else. To start an upload, to send its parts and to complete it are
// s3:PutObject too: Amazon S3 User Guide, "Multipart upload API and permissions".
func writePolicy(bucket, prefix string) string {
	type statement struct {
		Effect   string
		Action   []string
		Resource []string
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{
		Effect:   "Allow",
		Action:   []string{"s3:PutObject", "s3:AbortMultipartUpload"},
		Resource: []string{"arn:aws:s3:::" + bucket + "/" + prefix + "*"},
	}}})
	if err != nil {
		panic(err) // strings are always JSON
	}
	return string(text)
}

// assumed is the answer to AssumeRole. MinIO has another name for the id of the
// assumed role than AWS.
type assumed struct {
	XMLName xml.Name `xml:"AssumeRoleResponse"`
	User    struct {
		ARN     string `xml:"Arn"`
		ID      string `xml:"AssumedRoleId"`
		MinioID string `xml:"AssumeRoleId"`
	} `xml:"AssumeRoleResult>AssumedRoleUser"`
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      time.Time
	} `xml:"AssumeRoleResult>Credentials"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

// unassumed is an error of the service.
type unassumed struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Code      string   `xml:"Error>Code"`
	RequestID string   `xml:"RequestId"`
}

// maxTokenAnswer bounds an answer, in bytes.
const maxTokenAnswer = 64 << 10

const issueOp = "issue credentials"

// Issue implements oss.Issuer with AssumeRole of MinIO's Security Token Service,
// whose documentation is "AssumeRole" in MinIO's. The SDK has it too, but keeps
// the request's id and the role for itself.
func (b *Bucket) Issue(ctx context.Context) (oss.Credentials, error) {
	request, err := b.assumeRole(ctx)
	if err != nil {
		return oss.Credentials{}, failed(ctx, issueOp, err, nil)
	}
	response, err := b.transport.RoundTrip(request)
	if err != nil {
		return oss.Credentials{}, failed(ctx, issueOp, err, nil)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxTokenAnswer))
	if err != nil {
		return oss.Credentials{}, failed(ctx, issueOp, err, nil)
	}
	id := response.Header.Get("X-Amz-Request-Id")
	if response.StatusCode != http.StatusOK {
		var answer unassumed
		_ = xml.Unmarshal(text, &answer) // a proxy answers otherwise; there is the status then
		return oss.Credentials{}, &oss.ProviderError{
			Provider: oss.Minio, Op: issueOp, Status: response.StatusCode,
			Code: answer.Code, RequestID: cmp.Or(answer.RequestID, id), Err: errAnswer,
		}
	}
	credentials, err := readAssumed(text)
	credentials.RequestID = cmp.Or(credentials.RequestID, id)
	if err != nil {
		return oss.Credentials{}, &oss.ProviderError{
			Provider: oss.Minio, Op: issueOp, RequestID: credentials.RequestID, Err: err,
		}
	}
	return credentials, nil
}

func (b *Bucket) assumeRole(ctx context.Context) (*http.Request, error) {
	form := url.Values{
		"Action":          {"AssumeRole"},
		"Version":         {"2011-06-15"},
		"DurationSeconds": {strconv.Itoa(int(b.config.TokenLife / time.Second))},
		"Policy":          {b.policy},
	}
	if b.config.Role != "" {
		form.Set("RoleArn", b.config.Role)
		form.Set("RoleSessionName", "parley")
	}
	body := []byte(form.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.config.TokenEndpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:])) // for the signer, which takes it away
	return signer.SignV4STS(*request, b.config.AccessKeyID, b.config.AccessKeySecret, b.config.Region), nil
}

func readAssumed(text []byte) (oss.Credentials, error) {
	var answer assumed
	if err := xml.Unmarshal(text, &answer); err != nil {
		return oss.Credentials{}, errors.New("the answer is not that of AssumeRole") // err may quote it
	}
	c := oss.Credentials{
		AccessKeyID:     answer.Credentials.AccessKeyID,
		AccessKeySecret: answer.Credentials.SecretAccessKey,
		SecurityToken:   answer.Credentials.SessionToken,
		Expires:         answer.Credentials.Expiration,
		RequestID:       answer.RequestID,
		RoleID:          cmp.Or(answer.User.ID, answer.User.MinioID),
		RoleARN:         answer.User.ARN,
	}
	if c.AccessKeyID == "" || c.AccessKeySecret == "" || c.SecurityToken == "" || !c.Expires.After(time.Now()) {
		return oss.Credentials{RequestID: c.RequestID}, errors.New("the answer has no credentials that are good")
	}
	return c, nil
}
