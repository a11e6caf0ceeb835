package gateway_test

import (
	"io"
	"testing"

	"golang.org/x/sync/semaphore"

	"parley/api/apitest"
	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway"
	shared "parley/pkg/gateway"
)

func TestTheRoutesAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	handler, err := gateway.New(shared.Config{Name: "app"}, apitest.Verifier{}, io.Discard, &gateway.Services{
		Pages:   semaphore.NewWeighted(1 << 20),
		Records: recordv1.NewRecordServiceClient(apitest.Refusing{}),
		Devices: recordv1.NewDeviceServiceClient(apitest.Refusing{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	apitest.Conforms(t, handler, "call", "record", "user")
}
