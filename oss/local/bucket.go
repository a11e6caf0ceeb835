package local

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"parley/oss"
)

// bucket is one of the buckets of a Store.
type bucket struct {
	root
	name      string
	publicURL string
}

var _ oss.Provider = (*bucket)(nil)

// Host implements oss.Provider.
func (b *bucket) Host(origin string) string {
	if b.publicURL != "" {
		return b.publicURL
	}
	return strings.TrimSuffix(origin, "/") + Path + segment(b.name)
}

// SignPut implements oss.Provider.
func (b *bucket) SignPut(_ context.Context, p oss.Put) (oss.Signed, error) {
	return sign(place{bucket: b.name, key: p.Key, contentType: p.ContentType, size: p.Size, expires: p.Expires})
}

// SignPart implements oss.Provider.
func (b *bucket) SignPart(_ context.Context, p oss.PutPart) (oss.Signed, error) {
	if p.Upload == "" {
		return oss.Signed{}, refusal("sign a request", 400, "InvalidArgument", errPlace.Error())
	}
	return sign(place{bucket: b.name, key: p.Key, upload: p.Upload, number: p.Number, size: p.Size, expires: p.Expires})
}

func sign(p place) (oss.Signed, error) {
	if err := p.check(); err != nil {
		return oss.Signed{}, refusal("sign a request", 400, "InvalidArgument", err.Error())
	}
	return p.signed(), nil
}

// PutEmpty implements oss.Provider.
func (b *bucket) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	if !validContentType(contentType) || key.Check() != nil {
		return refusal("put an empty object", 400, "InvalidArgument", errPlace.Error())
	}
	l := label{Key: string(key), ContentType: contentType}
	_, err := b.write(ctx, strings.NewReader(""), 0, l, func(d *draft) error { return b.placeObject(d, key) })
	return err
}

// Stat implements oss.Provider.
func (b *bucket) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	if err := ctx.Err(); err != nil {
		return oss.Stat{}, err
	}
	l, err := labelOf(b.object(key))
	if errors.Is(err, fs.ErrNotExist) {
		return oss.Stat{}, oss.ErrNoObject
	}
	if err != nil {
		return oss.Stat{}, broken("describe an object", err)
	}
	return oss.Stat{Size: l.Size, Modified: l.modified(), ETag: l.ETag}, nil
}
