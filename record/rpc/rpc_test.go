package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/rpc"
	"parley/record/device"
	"parley/record/recordtest"
	recordrpc "parley/record/rpc"
	"parley/record/store"
)

// bothForms runs a test against the service in this process and over a network.
func bothForms(t *testing.T, test func(t *testing.T, w *recordtest.World, client *rpc.Client)) {
	t.Parallel()
	for name, connect := range map[string]func(testing.TB, *rpc.Server) *rpc.Client{
		"in process":     func(_ testing.TB, s *rpc.Server) *rpc.Client { return s.Local(time.Minute) },
		"over a network": func(t testing.TB, s *rpc.Server) *rpc.Client { return recordtest.Dial(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := recordtest.New(t)
			server := rpc.NewServer("record")
			recordv1.RegisterRecordServiceServer(server, recordrpc.New(w.Service))
			recordv1.RegisterDeviceServiceServer(server, recordrpc.NewDevice(device.New(w.Log, store.NewDevices(w.DB), device.Config{})))
			test(t, w, connect(t, server))
		})
	}
}

func items(sender string, protos ...[]byte) []*recordv1.SendItem {
	all := make([]*recordv1.SendItem, len(protos))
	for i, p := range protos {
		all[i] = &recordv1.SendItem{Seq: uint64(i + 1), Sender: sender, Proto: p}
	}
	return all
}

func TestEveryItemOfEveryBatchIsAnswered(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		stream, err := recordv1.NewRecordServiceClient(client).Send(t.Context())
		if err != nil {
			t.Fatalf("open a stream: %v", err)
		}
		const batches, size = 20, 30
		seq := uint64(0)
		for range batches {
			var batch []*recordv1.SendItem
			for range size {
				seq++
				batch = append(batch, &recordv1.SendItem{Seq: seq, Sender: "alice", Proto: recordtest.Text("bob", fmt.Sprintf("m%04d", seq))})
			}
			if err := stream.Send(&recordv1.SendRequest{Items: batch}); err != nil {
				t.Fatalf("send: %v", err)
			}
		}
		// Who ends the stream still gets every answer.
		if err := stream.CloseSend(); err != nil {
			t.Fatalf("close the stream: %v", err)
		}
		logIDs := make([]int64, batches*size)
		for {
			res, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("receive: %v", err)
			}
			for _, r := range res.GetResults() {
				if r.GetFault() != nil || r.GetDatetime() == 0 || logIDs[r.GetSeq()-1] != 0 {
					t.Errorf("item %d got %v", r.GetSeq(), r)
				}
				logIDs[r.GetSeq()-1] = r.GetLogId()
			}
		}
		for i, p := range logIDs {
			if p != int64(i+1) {
				t.Fatalf("item %d is at %d: items of one stream keep their order", i+1, p)
			}
		}
	})
}

// What could not be appended is answered so. Nothing behind it is taken on the same stream.
func TestAStreamEndsWhereAMessageFails(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		open := func() grpc.BidiStreamingClient[recordv1.SendRequest, recordv1.SendResponse] {
			stream, err := recordv1.NewRecordServiceClient(client).Send(t.Context())
			if err != nil {
				t.Fatalf("open a stream: %v", err)
			}
			return stream
		}
		stream := open()
		send := func(msgID string) (*recordv1.SendResult, error) {
			t.Helper()
			if err := stream.Send(&recordv1.SendRequest{Items: items("alice", recordtest.Text("bob", msgID))}); err != nil {
				t.Fatalf("send: %v", err)
			}
			res, err := stream.Recv()
			if err != nil {
				return nil, err
			}
			return res.GetResults()[0], nil
		}
		rename := func(from, to string) {
			t.Helper()
			if err := w.DB.Writer.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error; err != nil {
				t.Fatal(err)
			}
		}
		rename("log_event", "hidden")
		if r, err := send("m1"); err != nil || r.GetFault() == nil {
			t.Errorf("without a table a message is answered with %v, %v", r, err)
		}
		rename("hidden", "log_event")
		if r, err := send("m2"); err == nil {
			t.Errorf("behind it a message is answered with %v", r)
		}
		stream = open()
		if r, err := send("m2"); err != nil || r.GetFault() != nil || r.GetLogId() != 1 {
			t.Errorf("on another stream it is answered with %v, %v", r, err)
		}
	})
}

func TestRefusalsKeepTheirCodeAndDetail(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		stream, err := recordv1.NewRecordServiceClient(client).Send(t.Context())
		if err != nil {
			t.Fatalf("open a stream: %v", err)
		}
		batch := items("alice", nil, recordtest.Text("bob", ""), recordtest.GroupText(7, "m1"), recordtest.Text("bob", "m2"))
		if err := errors.Join(stream.Send(&recordv1.SendRequest{Items: batch}), stream.CloseSend()); err != nil {
			t.Fatalf("send: %v", err)
		}
		got := make(map[uint64]string)
		for {
			res, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("receive: %v", err)
			}
			for _, r := range res.GetResults() {
				got[r.GetSeq()] = fmt.Sprintf("%d %s at %d", r.GetFault().GetCode(), r.GetFault().GetDetail(), r.GetLogId())
			}
		}
		for seq, want := range map[uint64]string{
			1: "-1009  at 0", 2: "-1012 msgId must have 1 to 64 bytes at 0", 3: "-10026  at 0", 4: "0  at 1",
		} {
			if got[seq] != want {
				t.Errorf("item %d got %q, want %q", seq, got[seq], want)
			}
		}
	})
}

func TestAnEmptyBatchIsNothing(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		stream, err := recordv1.NewRecordServiceClient(client).Send(t.Context())
		if err != nil {
			t.Fatalf("open a stream: %v", err)
		}
		if err := errors.Join(stream.Send(&recordv1.SendRequest{}), stream.CloseSend()); err != nil {
			t.Fatalf("send: %v", err)
		}
		if res, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v (%v), want the end", res, err)
		}
	})
}

func TestALargePageComesInParts(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		const n = 100
		var want []string
		for i := range n {
			m := recordtest.Message("bob", fmt.Sprintf("m%03d", i), "")
			m.Msg = make([]byte, 60<<10) // 6 MB in all, more than gRPC takes at once
			w.Send("alice", recordtest.Proto(m))
			want = append(want, m.MsgId+" from alice")
		}
		records := recordv1.NewRecordServiceClient(client)
		var got []string
		for after, more := int64(0), true; more; {
			part, err := records.Sync(t.Context(), &recordv1.SyncRequest{Uid: "bob", After: after, Count: 1000})
			if err != nil {
				t.Fatalf("sync: %v", err)
			}
			for _, p := range part.GetProtos() {
				got = append(got, recordtest.Describe(t, p))
			}
			after, more = part.GetLast(), part.GetMore()
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}

		next := int64(50)
		for more := true; more; {
			part, err := records.History(t.Context(), &recordv1.HistoryRequest{Uid: "alice", Target: "bob", Before: next + 1, Count: next - 10})
			if err != nil {
				t.Fatalf("history: %v", err)
			}
			for _, r := range part.GetRecords() {
				if r.GetLogId() != next || r.GetMsgId() != fmt.Sprintf("m%03d", next-1) || r.GetFrom() != "alice" || r.GetTarget() != "bob" || r.GetMsgType() != 1 || r.GetDatetime() == 0 {
					t.Errorf("message %d came as %d %s from %s to %s", next, r.GetLogId(), r.GetMsgId(), r.GetFrom(), r.GetTarget())
				}
				next--
			}
			more = part.GetMore()
		}
		if next != 10 {
			t.Errorf("the page ends before %d, want before 10", next)
		}
	})
}

func TestRevokeAndFocusAnswerWithCodes(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		records := recordv1.NewRecordServiceClient(client)
		p := int64(w.Send("alice", recordtest.Text("bob", "m1")))
		focus := func(uid string, p int64) error {
			_, err := records.Focus(t.Context(), &recordv1.FocusRequest{Uid: uid, LogId: p})
			return err
		}
		revoke := func(uid string, p int64) error {
			_, err := records.Revoke(t.Context(), &recordv1.RevokeRequest{Uid: uid, LogId: p})
			return err
		}
		for _, c := range []struct {
			name string
			got  error
			want fault.Code
		}{
			{"focus of the author", focus("alice", p), fault.Forbidden},
			{"focus of the receiver", focus("bob", p), fault.OK},
			{"revoke of the receiver", revoke("bob", p), fault.Forbidden},
			{"revoke of the author", revoke("alice", p), fault.OK},
			{"revoke again", revoke("alice", p), fault.OK},
			{"focus of what is gone", focus("bob", p), fault.NotFound},
			{"revoke of nothing", revoke("alice", 99), fault.NotFound},
		} {
			code := fault.OK
			if e := fault.Of(c.got); e != nil {
				code = e.Code
			}
			if code != c.want {
				t.Errorf("%s: %d (%v), want %d", c.name, code, c.got, c.want)
			}
		}
		if read := w.Sync("bob", eventlog.Position(p)); !slices.Equal(read, []string{"focus 1 by bob, 1 in all", "revoke 1 by its author alice"}) {
			t.Errorf("bob reads %q", read)
		}
	})
}

func TestALoginThatIsRefusedTellsWhichPhoneHoldsTheAccount(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		if _, err := w.DB.WriterSQL().Exec("INSERT INTO device (user_id, type, uuid, name, push_token, at) VALUES ('alice', 1, 'new', 'iPhone', '', 5)"); err != nil {
			t.Fatalf("insert a device: %v", err)
		}
		devices := recordv1.NewDeviceServiceClient(client)
		login := func(uuid string) error {
			_, err := devices.CheckLogin(t.Context(), &recordv1.CheckLoginRequest{Uid: "alice", Device: "Android", Uuid: uuid, Reconnect: true})
			return err
		}
		if err := login("new"); err != nil {
			t.Errorf("the newest phone: %v", err)
		}
		e := fault.Of(login("old"))
		const want = `{"code":-1016,"service":"","message":{"uuid":"new","device":1,"deviceName":"iPhone","datetime":5}}`
		if e == nil || e.Code != fault.ReconnectRefused || string(e.Data) != want {
			t.Errorf("an older phone got %+v", e)
		}
	})
}

func TestAStreamThatItsClientLeavesEnds(t *testing.T) {
	bothForms(t, func(t *testing.T, w *recordtest.World, client *rpc.Client) {
		ctx, leave := context.WithCancel(t.Context())
		stream, err := recordv1.NewRecordServiceClient(client).Send(ctx)
		if err != nil {
			t.Fatalf("open a stream: %v", err)
		}
		if err := stream.Send(&recordv1.SendRequest{Items: items("alice", recordtest.Text("bob", "m1"))}); err != nil {
			t.Fatalf("send: %v", err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatalf("receive: %v", err)
		}
		leave()
		if _, err := stream.Recv(); err == nil {
			t.Error("a stream that was left goes on")
		}
	})
}
