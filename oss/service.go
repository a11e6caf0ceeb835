package oss

import (
	"net/url"
	"slices"
	"time"

	"parley/pkg/fault"
)

// Config is what operators set of object storage.
type Config struct {
	Apps []App
	// MaxFile is the largest file that is uploaded at once, and the largest part, in
	// bytes.
	MaxFile int64
	// MaxObject is the largest object in parts in bytes. 0: whatever the provider
	// takes.
	MaxObject int64
	// SignFor is how long a signed request may begin. The gateway begins at once.
	SignFor time.Duration
	// Completing is how long a provider may be at completing an upload, all tries
	// together.
	Completing time.Duration
	// Unfinished is how long an upload in parts is kept after its last part.
	Unfinished time.Duration
	// Remember is how long a completed upload can be completed again.
	Remember time.Duration
}

// App is one that stores objects.
type App struct {
	ID string
	// Quota bounds the bytes that one user has stored and begun to store. 0: no bound.
	Quota   int64
	Buckets []Bucket // the first is the default
}

// Bucket is a bucket of an app.
type Bucket struct {
	Provider string // its name
	Name     string
	Keeper   Provider
	// Scope tells the temporary credentials of this bucket from those of others, and
	// from those under another configuration.
	Scope string
}

// Service is object storage: it decides, keeps who owns what in a Store, and lets
// providers keep the bytes.
type Service struct {
	config Config
	store  Store
	vault  *Vault
}

// New returns the service of a configuration that was checked. The vault keeps
// temporary credentials.
func New(config Config, store Store, vault *Vault) *Service {
	return &Service{config: config, store: store, vault: vault}
}

// Location is where an object can be read.
type Location struct {
	URL string // absolute, escaped
	URI string // the path of URL, escaped alike
}

// place is where an object of a request goes.
type place struct {
	bucket *Bucket
	name   Name
	quota  int64
}

// place finds the bucket of an object: fault.BadKey for a key that is not allowed,
// fault.Unsupported for an app or provider that is not configured.
func (s *Service) place(o Object) (place, error) {
	if err := o.Key.Check(); err != nil {
		return place{}, err
	}
	app, bucket, err := s.bucket(o.App, o.Provider)
	if err != nil {
		return place{}, err
	}
	return place{bucket: bucket, quota: app.Quota, name: Name{App: o.App, Provider: bucket.Provider, Bucket: bucket.Name, Key: o.Key}}, nil
}

func (s *Service) bucket(app, provider string) (*App, *Bucket, error) {
	at := slices.IndexFunc(s.config.Apps, func(a App) bool { return a.ID == app })
	if at < 0 {
		return nil, nil, fault.Unsupported
	}
	a := &s.config.Apps[at]
	for i := range a.Buckets {
		if b := &a.Buckets[i]; b.Provider == provider || provider == "" {
			return a, b, nil
		}
	}
	return nil, nil, fault.Unsupported
}

// named returns the bucket of something that is stored, as it is configured now.
func (s *Service) named(n Name) (*Bucket, error) {
	_, b, err := s.bucket(n.App, n.Provider)
	if err == nil && b.Name != n.Bucket {
		return nil, fault.Unsupported
	}
	return b, err
}

// Resolve returns the provider that serves an app, and the largest file or part in
// bytes.
func (s *Service) Resolve(app, provider string) (name string, maxFile int64, err error) {
	_, b, err := s.bucket(app, provider)
	if err != nil {
		return "", 0, err
	}
	return b.Provider, s.config.MaxFile, nil
}

// Host returns the URL below which the objects of an app are read. origin is the
// scheme and host by which the client came.
func (s *Service) Host(app, provider, origin string) (string, error) {
	_, b, err := s.bucket(app, provider)
	if err != nil {
		return "", err
	}
	return b.Keeper.Host(origin), nil
}

// locate says where an object is read.
func (p place) locate(origin string) Location {
	address := p.bucket.Keeper.Host(origin) + "/" + p.name.Key.Escape()
	l := Location{URL: address, URI: "/" + p.name.Key.Escape()}
	if u, err := url.Parse(address); err == nil {
		l.URI = u.EscapedPath()
	}
	return l
}

// sized judges the size of a file or part in bytes.
func (s *Service) sized(size int64) error {
	switch {
	case size <= 0:
		return fault.Failed
	case size > s.config.MaxFile:
		return fault.FileTooLarge
	}
	return nil
}

// errQuota is the answer to more bytes than a user may store.
var errQuota = &fault.Error{Code: fault.FileTooLarge, Detail: "more than you may store"}
