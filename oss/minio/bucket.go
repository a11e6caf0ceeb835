// Package minio keeps objects in a bucket of MinIO, or of any other server of
// Amazon's S3 protocol that takes the bucket's name in the path.
package minio

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/oss"
)

// defaultRegion is that of a MinIO to which no other was given.
const defaultRegion = "us-east-1"

// How long the server may take when the caller's context does not end before. No
// request of a Bucket has a body of note.
const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
	idleTimeout = 20 * time.Second
	idleConns   = 16
)

// Bucket is a bucket of a MinIO. It is an oss.Provider and an oss.Issuer.
type Bucket struct {
	config    oss.BucketConfig
	host      string
	core      minio.Core
	transport *http.Transport
	policy    string // of temporary credentials
}

var (
	_ oss.Provider = (*Bucket)(nil)
	_ oss.Issuer   = (*Bucket)(nil)
)

// New returns the bucket, without asking the server whether there is one. The
// errors tell what is wrong with the configuration.
func New(config oss.BucketConfig) (*Bucket, error) {
	b, err := newBucket(config)
	if err != nil {
		return nil, fmt.Errorf("configure the bucket %q of minio: %w", config.Bucket, err)
	}
	return b, nil
}

func newBucket(config oss.BucketConfig) (*Bucket, error) {
	endpoint, err := base(config.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the endpoint %w", err)
	}
	if strings.Trim(endpoint.Path, "/") != "" {
		return nil, errors.New("the endpoint has a path")
	}
	config.Endpoint = endpoint.Scheme + "://" + endpoint.Host
	if config.Bucket == "" || config.AccessKeyID == "" || config.AccessKeySecret == "" {
		return nil, errors.New("the name of the bucket, the key's id or its secret is missing")
	}
	config.Region = cmp.Or(config.Region, defaultRegion)
	if err := checkToken(&config); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: tlsTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: idleConns,
		DisableCompression:  true,
	}
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(config.AccessKeyID, config.AccessKeySecret, ""),
		Secure:       endpoint.Scheme == "https",
		Transport:    transport,
		Region:       config.Region, // else it would be asked for
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   1, // attempts, that is
	})
	if err != nil {
		return nil, err
	}
	return &Bucket{
		config:    config,
		host:      strings.TrimRight(cmp.Or(config.PublicURL, config.Endpoint+"/"+config.Bucket), "/"),
		core:      *core,
		transport: transport,
		policy:    writePolicy(config.Bucket, config.TokenPrefix),
	}, nil
}

// base parses the address of a service. Its error goes on with what it is about
// and does not have the address in it, which may have a password in it.
func base(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("is not a URL of http or https")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("has more than a scheme, a host and a path")
	}
	return u, nil
}

// Close closes the connections that are not in use.
func (b *Bucket) Close() { b.transport.CloseIdleConnections() }

// Host implements oss.Provider.
func (b *Bucket) Host(string) string { return b.host }
