// Package huaweitest is a fake of Huawei Cloud's Object Storage Service and of the
// part of its Identity and Access Management that hands out temporary keys. It
// verifies the signature of every request, written from the vendor's documents, which
// are named where a rule is from one.
//
// Its bucket has the ACL public-read: anybody reads objects, nobody lists them.
package huaweitest

import (
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/osstest/cloud"
)

// What the fake is set up with.
const (
	region    = "cn-north-4"
	bucket    = "parley-test"
	keyID     = "PARLEYFAKEACCESSKEY0"
	keySecret = "fakeSecretOfHuawei0123456789abcdefghijkl"
	agency    = "uploader"
	domain    = "parley-account"
)

// minPart is the least size of a part but the last: 100 KB (API reference of OBS:
// "Merging Parts", EntityTooSmall).
const minPart = 100 << 10

// maxKey is the longest key of an object in bytes (API reference of OBS: "Objects").
const maxKey = 1024

// Fake is the cloud. Its requests for temporary keys are counted and can be made to
// fail apart from those for objects.
type Fake struct {
	*cloud.Server
	// Tokens are the faults of the service of temporary keys.
	Tokens *cloud.Faults

	iam string
}

// New starts a fake that ends with the test.
func New(t testing.TB) *Fake {
	t.Helper()
	keys := &cloud.Keyring{}
	keys.Add(cloud.Key{ID: keyID, Secret: keySecret})
	v := &verifier{keys: keys, now: time.Now}
	f := &Fake{
		Server: cloud.Start(t, bucket, keys, cloud.Vendor{
			Prefix:    "x-obs-",
			Namespace: "http://obs.myhwclouds.com/doc/2015-06-30/",
			ETag:      hex.EncodeToString,
			MinPart:   minPart,
			MaxKey:    maxKey,
			Verify:    v.verify,
			Explain: func(h http.Header, e *cloud.Error, _ []byte) {
				h.Set("x-obs-error-code", e.Code)
				h.Set("x-obs-error-message", e.Message)
			},
		}),
		Tokens: cloud.NewFaults(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, &iamError{http.StatusServiceUnavailable, "IAM.0007", "The service is unavailable."})
		}),
	}
	f.iam = f.Tokens.Serve(t, &tokenService{keys: keys, now: time.Now})
	return f
}

// Bucket returns the configuration that reaches the fake. The endpoint is localhost:
// the SDK signs in the vendor's way only when the bucket stands in the host name, and
// the adapter knows that names below localhost are the own machine.
func (f *Fake) Bucket() oss.BucketConfig {
	return oss.BucketConfig{
		Endpoint: "http://localhost:" + f.Port(), Region: region, Bucket: bucket, PublicURL: f.PublicURL(),
		AccessKeyID: keyID, AccessKeySecret: keySecret,
		Role: agency, RoleDomain: domain, TokenEndpoint: "http://" + f.iam, TokenLife: time.Hour,
	}
}
