package aliyun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	sts "github.com/alibabacloud-go/sts-20150401/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"

	"parley/oss"
	"parley/oss/outbound"
	"parley/pkg/fault"
)

// session names who asks for temporary credentials, in the audit log of the account.
const session = "parley"

// Bounds of the life of temporary credentials (API reference of STS: AssumeRole,
// DurationSeconds). A role allows an hour unless its MaxSessionDuration says more.
const (
	minLife     = 15 * time.Minute
	maxLife     = 12 * time.Hour
	defaultLife = time.Hour
)

// tokenTimeout bounds a call of STS: the SDK takes no context.
const tokenTimeout = 10 * time.Second

// openTokens makes the client of STS.
func (b *Bucket) openTokens() error {
	c := &b.config
	c.TokenLife = cmp.Or(c.TokenLife, defaultLife)
	if c.TokenLife < minLife || c.TokenLife > maxLife {
		return fmt.Errorf("temporary credentials of aliyun live from %v to %v, not %v", minLife, maxLife, c.TokenLife)
	}
	if strings.ContainsAny(c.TokenPrefix, "*?$") {
		return errors.New("the prefix of temporary credentials of aliyun has a character that means others in a policy")
	}
	endpoint, err := outbound.Base(cmp.Or(c.TokenEndpoint, "sts."+c.Region+".aliyuncs.com"))
	if err != nil {
		return fmt.Errorf("the token endpoint of aliyun: %w", err)
	}
	config := &openapi.Config{
		AccessKeyId: &c.AccessKeyID, AccessKeySecret: &c.AccessKeySecret,
		RegionId: &c.Region, Endpoint: &endpoint.Host, Protocol: &endpoint.Scheme, UserAgent: tea.String("parley"),
		ReadTimeout:    tea.Int(int(tokenTimeout.Milliseconds())), // of the whole call
		ConnectTimeout: tea.Int(int(tokenTimeout.Milliseconds())),
	}
	if ip := net.ParseIP(endpoint.Hostname()); ip.IsLoopback() {
		config.NoProxy = &endpoint.Host // as net/http does it
	}
	if b.tokens, err = sts.NewClient(config); err != nil {
		return fmt.Errorf("make a client of aliyun's STS: %w", outbound.Cause(err))
	}
	return nil
}

// Issue implements oss.Issuer with STS AssumeRole. Without a role it is
// fault.Unsupported.
func (b *Bucket) Issue(ctx context.Context) (oss.Credentials, error) {
	const op = "assume the role"
	if b.tokens == nil {
		return oss.Credentials{}, fault.Wrap(fault.Unsupported, errors.New("aliyun has no role for temporary credentials"))
	}
	policy, err := policy(b.config.Bucket, b.config.TokenPrefix)
	if err != nil {
		return oss.Credentials{}, failure(op, err)
	}
	request := &sts.AssumeRoleRequest{
		RoleArn: &b.config.Role, RoleSessionName: tea.String(session), Policy: &policy,
		DurationSeconds: tea.Int64(int64(b.config.TokenLife / time.Second)),
	}
	answer, err := within(ctx, func() (*sts.AssumeRoleResponse, error) {
		return b.tokens.AssumeRoleWithOptions(request, &util.RuntimeOptions{Autoretry: tea.Bool(false)})
	})
	if err != nil {
		return oss.Credentials{}, tokenFailure(op, err)
	}
	c, err := credentials(answer.Body)
	if err != nil {
		return oss.Credentials{}, failure(op, err)
	}
	return c, nil
}

// within calls f and returns when it has ended or ctx has. In the latter case f goes
// on until its own time-out, and what it returns is dropped.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// policy allows to write objects below a prefix and to drop the parts of one. Parts
// are started, written and completed with the right to write the object (API
// reference of OSS: RAM policies, actions of objects).
func policy(bucket, prefix string) (string, error) {
	type statement struct {
		Effect   string
		Action   []string
		Resource []string
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"1", []statement{{
		Effect:   "Allow",
		Action:   []string{"oss:PutObject", "oss:AbortMultipartUpload"},
		Resource: []string{"acs:oss:*:*:" + bucket + "/" + prefix + "*"},
	}}})
	return string(text), err
}

// credentials reads the answer of STS.
func credentials(body *sts.AssumeRoleResponseBody) (oss.Credentials, error) {
	if body == nil || body.Credentials == nil {
		return oss.Credentials{}, errors.New("the answer has no credentials")
	}
	c := oss.Credentials{
		AccessKeyID:     tea.StringValue(body.Credentials.AccessKeyId),
		AccessKeySecret: tea.StringValue(body.Credentials.AccessKeySecret),
		SecurityToken:   tea.StringValue(body.Credentials.SecurityToken),
		RequestID:       tea.StringValue(body.RequestId),
	}
	if user := body.AssumedRoleUser; user != nil {
		c.RoleID, c.RoleARN = tea.StringValue(user.AssumedRoleId), tea.StringValue(user.Arn)
	}
	expires, err := time.Parse(time.RFC3339, tea.StringValue(body.Credentials.Expiration))
	if err != nil || c.AccessKeyID == "" || c.AccessKeySecret == "" || c.SecurityToken == "" {
		return oss.Credentials{}, errors.New("the answer has no complete credentials")
	}
	c.Expires = expires
	return c, nil
}

// tokenFailure returns the error of STS as the failure of the provider.
func tokenFailure(op string, err error) error {
	var service *tea.SDKError
	if !errors.As(err, &service) {
		return failure(op, err)
	}
	var data struct{ RequestId string }
	_ = json.Unmarshal([]byte(tea.StringValue(service.Data)), &data)
	return &oss.ProviderError{
		Provider: oss.Aliyun, Op: op,
		Status: tea.IntValue(service.StatusCode), Code: tea.StringValue(service.Code), RequestID: data.RequestId,
		Err: outbound.Words(tea.StringValue(service.Message)),
	}
}
