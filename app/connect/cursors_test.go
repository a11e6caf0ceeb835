package connect

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	recordv1 "parley/api/proto/record/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/app/presence"
	"parley/pkg/eventlog"
)

// busyDevices is a record service during whose every request another event is
// confirmed.
type busyDevices struct {
	recordv1.DeviceServiceClient
	meanwhile func()
	requests  []*recordv1.AdvanceRequest
}

func (d *busyDevices) Advance(_ context.Context, req *recordv1.AdvanceRequest, _ ...grpc.CallOption) (*recordv1.AdvanceResponse, error) {
	d.requests = append(d.requests, req)
	d.meanwhile()
	return &recordv1.AdvanceResponse{}, nil
}

// confirming is a session on a device that confirms one event after the other.
func confirming(g *Gateway, kind wirev1.Device) (s *session, confirm func()) {
	s = &session{gateway: g, uid: "bob", device: &device{kind: kind, uuid: "uuid"}, phase: entered,
		presence: g.presence.Enter(presence.Connection{User: "bob"})}
	s.out.close()
	pos := eventlog.Position(0)
	return s, func() {
		pos++
		if err := s.page(letters(pos)); err != nil {
			panic(err)
		}
		s.confirm(uint32(pos))
	}
}

func TestCursorsAreToldInTurns(t *testing.T) {
	t.Parallel()
	devices := new(busyDevices)
	g := &Gateway{config: Config{Window: 10, WindowBytes: 1 << 20}, hub: newHub(0), presence: presence.NewKeeper(nil, "gateway"),
		services: Services{Devices: devices}}
	g.cursors = newCursors(g)
	_, onPhone := confirming(g, wirev1.Device_DEVICE_IOS)
	_, onDesktop := confirming(g, wirev1.Device_DEVICE_LINUX)
	devices.meanwhile = func() { onPhone(); onDesktop() }
	devices.meanwhile()
	for n, c := range []struct {
		all  bool
		want int // cursors in the one request
	}{{false, 1}, {false, 1}, {true, 2}, {true, 2}} {
		devices.requests = nil
		if !g.cursors.flush(t.Context(), c.all) {
			t.Fatal("cursors cannot be told")
		}
		if len(devices.requests) != 1 || len(devices.requests[0].GetCursors()) != c.want {
			t.Errorf("turn %d makes the requests %v, want one with %d cursors", n, devices.requests, c.want)
		}
	}
}
