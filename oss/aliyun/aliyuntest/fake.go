// Package aliyuntest is a fake of Alibaba Cloud's Object Storage Service and of its
// Security Token Service. It verifies the signature of every request, written from
// the vendor's documents, which are named where a rule is from one.
//
// Its bucket has the ACL public-read: anybody reads objects, nobody lists them.
package aliyuntest

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/osstest/cloud"
)

// What the fake is set up with.
const (
	region    = "cn-hangzhou"
	bucket    = "parley-test"
	keyID     = "LTAI5tParleyFakeKey"
	keySecret = "fakeSecretOfAliyun0123456789ab"
	role      = "acs:ram::1234567890123456:role/uploader"
)

// minPart is the least size of a part but the last: 100 KB (API reference of OSS:
// CompleteMultipartUpload, EntityTooSmall).
const minPart = 100 << 10

// maxKey is the longest key of an object in bytes (developer reference of OSS: naming
// conventions of objects).
const maxKey = 1023

// Fake is the cloud. Its requests for temporary credentials are counted and can be
// made to fail apart from those for objects.
type Fake struct {
	*cloud.Server
	// Tokens are the faults of the token service.
	Tokens *cloud.Faults

	tokens *tokenService
	sts    string
}

// New starts a fake that ends with the test.
func New(t testing.TB) *Fake {
	t.Helper()
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: keyID, Secret: keySecret})
	v := &verifier{region: region, keys: keys, now: time.Now}
	f := &Fake{
		Server: cloud.Start(t, bucket, keys, cloud.Vendor{
			Prefix:  "x-oss-",
			ETag:    func(md5 []byte) string { return strings.ToUpper(hex.EncodeToString(md5)) },
			MinPart: minPart,
			MaxKey:  maxKey,
			Verify:  v.verify,
			Explain: func(h http.Header, _ *cloud.Error, xml []byte) {
				h.Set("x-oss-err", base64.StdEncoding.EncodeToString(xml))
			},
		}),
		tokens: &tokenService{keys: keys, now: time.Now, nonces: map[string]bool{}},
	}
	f.Tokens = cloud.NewFaults(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, &rpcError{http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."})
	})
	f.sts = f.Tokens.Serve(t, f.tokens)
	return f
}

// Bucket returns the configuration that reaches the fake. The endpoint is an IP
// address, for which the SDK names the bucket in the path: no name server is needed.
func (f *Fake) Bucket() oss.BucketConfig {
	return oss.BucketConfig{
		Endpoint: "http://" + f.Addr(), Region: region, Bucket: bucket, PublicURL: f.PublicURL(),
		AccessKeyID: keyID, AccessKeySecret: keySecret,
		Role: role, TokenEndpoint: "http://" + f.sts, TokenLife: time.Hour,
	}
}
