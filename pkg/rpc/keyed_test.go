package rpc

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	testv1 "google.golang.org/grpc/interop/grpc_testing"
)

// A key chooses the same server from every process, and many keys choose all of
// them.
func TestAKeyNamesAServer(t *testing.T) {
	t.Parallel()
	const servers, keys = 3, 60
	var endpoints []string
	for n := range servers {
		server := listen(t, service{stream: func(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
			return stream.Send(&testv1.StreamingOutputCallResponse{Payload: &testv1.Payload{Body: fmt.Append(nil, n)}})
		}})
		t.Cleanup(func() {
			if err := server.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		endpoints = append(endpoints, server.Addr())
	}
	chosen := make([]map[string]string, 2)
	used := make(map[string]bool)
	for i := range chosen {
		client, err := Dial(ClientConfig{Service: "test", Endpoints: endpoints, Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		stub := testv1.NewTestServiceClient(client)
		ask := func(key string) string {
			ctx, _ := ByKey(t.Context(), key)
			stream, err := stub.FullDuplexCall(ctx, grpc.WaitForReady(true))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return string(answer.GetPayload().GetBody())
		}
		// Until all are connected, those that are stand in for the others: the
		// round after one in which all were there has the answers.
		for all := map[string]bool{}; ; {
			complete := len(all) == servers
			chosen[i] = make(map[string]string)
			for k := range keys {
				key := fmt.Sprint("key ", k)
				chosen[i][key] = ask(key)
				all[chosen[i][key]] = true
			}
			if complete {
				break
			}
		}
		for _, server := range chosen[i] {
			used[server] = true
		}
	}
	for key, server := range chosen[0] {
		if other := chosen[1][key]; other != server {
			t.Errorf("%s names server %s for one client and %s for another", key, server, other)
		}
	}
	if len(used) != servers {
		t.Errorf("%d keys use the servers %v of %d", keys, used, servers)
	}
}
