package gateway

import (
	"context"
	"net/http"
	"strings"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Client is what a request says of the device that it was sent from. None of
// it is proven.
type Client struct {
	// Type is Android, IOS, Windows, Linux, MacOS or Web. Clients that send
	// another text, or none, are no mobile devices.
	Type string
	// UUID tells the devices of a user apart; "" is a device that cannot be.
	UUID string
	// Name is what its owner calls it.
	Name string
	// Version is that of the client.
	Version string
}

// Mobile reports whether the device is a phone, of which a user has one at a
// time.
func (c Client) Mobile() bool { return c.Type == "Android" || c.Type == "IOS" }

// identity is who sent a request, from what, and how it came.
type identity struct {
	uid    id.UID
	device Client
	origin origin
}

type identityKey struct{}

// UID returns the user who sent the request, or "" on a public route.
func UID(ctx context.Context) id.UID { return of(ctx).uid }

// Device returns the device that the request came from.
func Device(ctx context.Context) Client { return of(ctx).device }

func of(ctx context.Context) identity {
	if who, ok := ctx.Value(identityKey{}).(*identity); ok {
		return *who
	}
	return identity{}
}

// As returns a context as of a request that uid sent from device, for those
// who call the logic of a route without a gateway.
func As(ctx context.Context, uid id.UID, device Client) context.Context {
	return context.WithValue(ctx, identityKey{}, &identity{uid: uid, device: device})
}

// maxDeviceField bounds each header that describes a device, in bytes.
const maxDeviceField = 255

// readDevice takes the device from the headers of a request.
func readDevice(header http.Header) (Client, error) {
	var c Client
	for _, field := range []struct {
		header string
		into   *string
	}{
		{headerDevice, &c.Type},
		{headerUUID, &c.UUID},
		{headerDeviceName, &c.Name},
		{headerVersion, &c.Version},
	} {
		value := header[field.header]
		if len(value) == 0 {
			continue
		}
		if len(value[0]) > maxDeviceField {
			return Client{}, fault.Invalid(strings.ToUpper(field.header), "is longer than %d bytes", maxDeviceField)
		}
		// Phones are named by people, in whatever encoding their client has.
		*field.into = strings.ToValidUTF8(value[0], "\uFFFD")
	}
	return c, nil
}
