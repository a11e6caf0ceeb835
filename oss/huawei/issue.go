package huawei

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"

	"parley/oss"
	"parley/oss/outbound"
	"parley/pkg/fault"
)

// Bounds of the life of temporary credentials (API reference of IAM: "Obtaining a
// Temporary Access Key and Security Token Through an Agency", duration_seconds).
const (
	minLife     = 15 * time.Minute
	maxLife     = 24 * time.Hour
	defaultLife = time.Hour
)

// openTokens checks what temporary credentials need.
func (b *Bucket) openTokens() error {
	c := &b.config
	c.TokenLife = cmp.Or(c.TokenLife, defaultLife)
	if c.TokenLife < minLife || c.TokenLife > maxLife {
		return fmt.Errorf("temporary credentials of huaweiyun live from %v to %v, not %v", minLife, maxLife, c.TokenLife)
	}
	if strings.ContainsAny(c.TokenPrefix, "*?$") {
		return errors.New("the prefix of temporary credentials of huaweiyun has a character that means others in a policy")
	}
	if c.RoleDomain == "" {
		return errors.New("an agency of huaweiyun needs the account that it belongs to")
	}
	if c.TokenEndpoint == "" && c.Region == "" {
		return errors.New("temporary credentials of huaweiyun need a region or a token endpoint")
	}
	endpoint, err := outbound.Base(cmp.Or(c.TokenEndpoint, "iam."+c.Region+".myhuaweicloud.com"))
	if err != nil {
		return fmt.Errorf("the token endpoint of huaweiyun: %w", err)
	}
	b.tokens = endpoint
	return nil
}

// Issue implements oss.Issuer with a temporary access key by agency. Without an
// agency it is fault.Unsupported.
func (b *Bucket) Issue(ctx context.Context) (oss.Credentials, error) {
	const op = "assume the agency"
	if b.tokens == nil {
		return oss.Credentials{}, fault.Wrap(fault.Unsupported, errors.New("huaweiyun has no agency for temporary credentials"))
	}
	trip := &roundTrip{ctx: ctx, next: b.client.Transport}
	client, err := b.tokenClient(trip)
	if err != nil {
		return oss.Credentials{}, failure(op, err)
	}
	answer, err := client.CreateTemporaryAccessKeyByAgency(b.tokenRequest())
	if err != nil {
		return oss.Credentials{}, tokenFailure(op, err)
	}
	c, err := credentials(answer.Credential)
	if err != nil {
		return oss.Credentials{}, failure(op, err)
	}
	c.RequestID = trip.requestID
	return c, nil
}

// tokenClient returns a client of IAM for one request.
func (b *Bucket) tokenClient(trip http.RoundTripper) (*iam.IamClient, error) {
	keys, err := global.NewCredentialsBuilder().WithAk(b.config.AccessKeyID).WithSk(b.config.AccessKeySecret).SafeBuild()
	if err != nil {
		return nil, err
	}
	client, err := iam.IamClientBuilder().
		WithEndpoint(b.tokens.String()).
		WithCredential(keys).
		WithHttpConfig(config.DefaultHttpConfig().WithHttpRoundTripper(trip).WithUserAgent("parley")).
		SafeBuild()
	if err != nil {
		return nil, err
	}
	return iam.NewIamClient(client), nil
}

// tokenRequest asks for a key that can write objects below a prefix and drop the
// parts of one. Parts are started, written and completed with the right to write the
// object (API reference of OBS: "Permissions and supported actions").
func (b *Bucket) tokenRequest() *model.CreateTemporaryAccessKeyByAgencyRequest {
	c, seconds := b.config, int32(b.config.TokenLife/time.Second)
	return &model.CreateTemporaryAccessKeyByAgencyRequest{Body: &model.CreateTemporaryAccessKeyByAgencyRequestBody{
		Auth: &model.AgencyAuth{Identity: &model.AgencyAuthIdentity{
			Methods:    []model.AgencyAuthIdentityMethods{model.GetAgencyAuthIdentityMethodsEnum().ASSUME_ROLE},
			AssumeRole: &model.IdentityAssumerole{AgencyName: c.Role, DomainName: &c.RoleDomain, DurationSeconds: &seconds},
			Policy: &model.ServicePolicy{Version: "1.1", Statement: []model.ServiceStatement{{
				Effect:   model.GetServiceStatementEffectEnum().ALLOW,
				Action:   []string{"obs:object:PutObject", "obs:object:AbortMultipartUpload"},
				Resource: &[]string{"obs:*:*:object:" + c.Bucket + "/" + c.TokenPrefix + "*"},
			}}},
		}},
	}}
}

// roundTrip is the one request of a client whose SDK takes no context. It notes the
// id of the request, which the SDK keeps to itself when all went well.
type roundTrip struct {
	ctx       context.Context
	next      http.RoundTripper
	requestID string
}

// RoundTrip implements http.RoundTripper.
func (t *roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r.WithContext(t.ctx))
	if err == nil {
		t.requestID = answer.Header.Get("X-Request-Id")
	}
	return answer, err
}

// credentials reads the answer of IAM.
func credentials(k *model.Credential) (oss.Credentials, error) {
	if k == nil || k.Access == "" || k.Secret == "" || k.Securitytoken == "" {
		return oss.Credentials{}, errors.New("the answer has no complete credentials")
	}
	expires, err := time.Parse(time.RFC3339, k.ExpiresAt)
	if err != nil {
		return oss.Credentials{}, errors.New("the answer does not say when the credentials expire")
	}
	return oss.Credentials{AccessKeyID: k.Access, AccessKeySecret: k.Secret, SecurityToken: k.Securitytoken, Expires: expires}, nil
}

// tokenFailure returns the error of IAM as the failure of the provider.
func tokenFailure(op string, err error) error {
	var service *sdkerr.ServiceResponseError
	if !errors.As(err, &service) {
		return failure(op, err)
	}
	return &oss.ProviderError{
		Provider: oss.Huaweiyun, Op: op, Status: service.StatusCode, Code: service.ErrorCode, RequestID: service.RequestId,
		Err: outbound.Words(service.ErrorMessage),
	}
}
