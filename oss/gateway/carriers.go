package gateway

import (
	"context"
	"errors"
	"io"

	"parley/oss"
)

// Carriers is an oss.Carrier that hands on what is for the local store to it, and
// everything else to the one of the clouds.
type Carriers struct {
	Local  oss.Carrier // nil where there is no local store
	Clouds oss.Carrier
}

var _ oss.Carrier = Carriers{}

// Send implements oss.Carrier.
func (c Carriers) Send(ctx context.Context, s oss.Signed, body io.Reader, size int64) (etag string, err error) {
	switch {
	case s.Provider != oss.Local:
		return c.Clouds.Send(ctx, s, body, size)
	case c.Local == nil:
		return "", errors.New("the service stores locally, which is not configured in this gateway")
	}
	return c.Local.Send(ctx, s, body, size)
}
