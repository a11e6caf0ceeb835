package e2e

import (
	"context"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	recordv1 "parley/api/proto/record/v1"
	appgw "parley/app/gateway"
	groupgw "parley/group/gateway"
	ossgw "parley/oss/gateway"
	"parley/pkg/auth"
	"parley/pkg/eventlog"
	"parley/pkg/gateway"
	"parley/pkg/rpc"
	"parley/pkg/sqldb"
	domain "parley/record"
	"parley/record/device"
	recordrpc "parley/record/rpc"
	"parley/record/sender"
	"parley/record/store"
)

func assemble(t testing.TB, db *sqldb.DB, split bool) site {
	log := eventlog.Open(db)
	t.Cleanup(func() { log.Close(context.Background()) })
	server := rpc.NewServer("record")
	recordv1.RegisterRecordServiceServer(server, recordrpc.New(domain.New(log, store.Store{}, domain.DefaultConfig())))
	recordv1.RegisterDeviceServiceServer(server, recordrpc.NewDevice(device.New(store.NewDevices(db))))
	var c *rpc.Client
	if split {
		if err := server.Listen(rpc.ServerConfig{Listen: "127.0.0.1:0"}, func(error) {}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop(context.Background()) })
		var err error
		if c, err = rpc.Dial(rpc.ClientConfig{Service: "record", Endpoints: []string{server.Addr()}, Timeout: 5 * time.Second}); err != nil {
			t.Fatal(err)
		}
	} else {
		c = server.Local(5 * time.Second)
	}
	t.Cleanup(func() { c.Close() })
	snd := sender.New(recordv1.NewRecordServiceClient(c))
	t.Cleanup(snd.Close)
	v := auth.NewVerifier(auth.Config{})
	a, err := appgw.New(gateway.Config{Name: "app"}, v, io.Discard, &appgw.Services{Records: recordv1.NewRecordServiceClient(c), Devices: recordv1.NewDeviceServiceClient(c), Sender: snd})
	if err != nil {
		t.Fatal(err)
	}
	g, err := groupgw.New(gateway.Config{Name: "group"}, v, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ossgw.New(gateway.Config{Name: "oss", MaxBody: 17 << 20}, v, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	as, gs, os := httptest.NewServer(a), httptest.NewServer(g), httptest.NewServer(o)
	t.Cleanup(as.Close)
	t.Cleanup(gs.Close)
	t.Cleanup(os.Close)
	return site{as.URL, gs.URL, os.URL}
}

func startTogether(t testing.TB, db *sqldb.DB) site { return assemble(t, db, false) }
func startSplit(t testing.TB, db *sqldb.DB) site    { return assemble(t, db, true) }
