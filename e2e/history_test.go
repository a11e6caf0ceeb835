package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// contents are bodies and what the history makes of them.
var contents = []struct {
	name string
	kind wirev1.MsgType
	body proto.Message
	json string
}{
	{"text", 1, &wirev1.Text{Content: `a "b" <c> 你`, Mention: []string{"bob", "ALL"}}, `{"content":"a \"b\" <c> 你","mention":["bob","ALL"]}`},
	{"audio", 2, &wirev1.Audio{MediaUrl: "https://x/a?b&c", Time: 7}, `{"mediaUrl":"https://x/a?b&c","time":7}`},
	{"image", 3, &wirev1.Image{MediaUrl: "u", Height: 1, Width: 2}, `{"height":1,"mediaUrl":"u","width":2}`},
	{"video", 4, &wirev1.Video{MediaUrl: "u", Time: 3, Height: 1, Width: 2}, `{"height":1,"mediaUrl":"u","time":3,"width":2}`},
	{"file", 5, &wirev1.File{MediaUrl: "u", Name: "n", Md5: "m", Size: 1<<62 + 1}, `{"md5":"m","mediaUrl":"u","name":"n","size":4611686018427387905}`},
	{"card", 6, &wirev1.Card{Bank: "b", Name: "n", Account: "a"}, `{"account":"a","bank":"b","name":"n"}`},
	{"forward", 8, &wirev1.Forward{Items: []*wirev1.ForwardItem{{Avatar: "a", Name: "n", MsgType: 1, Msg: []byte{0xff}, Datetime: 5}}},
		`{"items":[{"avatar":"a","datetime":5,"msg":"/w==","msgType":1,"name":"n"}]}`},
	{"transfer", 10, &wirev1.Transfer{TxHash: "h", CoinName: "c", Chain: "x", Platform: "p", CoinType: "t"}, `{"chain":"x","coinName":"c","coinType":"t","platform":"p","txHash":"h"}`},
	{"red packet", 12, &wirev1.RedPacket{TxHash: "h", CoinName: "c", Exec: "e", PacketType: 1, PrivateKey: "k", Remark: "r", Expire: 9, CoinType: "t"},
		`{"coinName":"c","coinType":"t","exec":"e","expire":9,"packetType":1,"privateKey":"k","remark":"r","txHash":"h"}`},
	{"contact card", 13, &wirev1.ContactCard{Type: 1, Id: "i", Name: "n", Avatar: "a", Server: "s", Inviter: "v"}, `{"avatar":"a","id":"i","inviter":"v","name":"n","server":"s","type":1}`},
	{"an empty text", 1, &wirev1.Text{}, `{"content":"","mention":[]}`},
}

func TestTheHistoryShowsTheBodyOfEveryType(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		for _, c := range contents {
			m := text(string(bob.uid()), "")
			m.MsgType, m.Msg = c.kind, encode(c.body)
			s := alice.send(m)
			got := bob.history(alice.uid(), 0, 1)
			if len(got) != 1 || got[0].LogID != fmt.Sprint(s.LogID) || got[0].MsgType != int(c.kind) || got[0].CreateTime != s.Datetime ||
				got[0].FromID != string(alice.uid()) || got[0].TargetID != string(bob.uid()) || got[0].MsgID != m.MsgId {
				t.Fatalf("%s: the record is %+v", c.name, got)
			}
			if string(got[0].Content) != c.json {
				t.Errorf("%s: the content is\n%s, want\n%s", c.name, got[0].Content, c.json)
			}
		}
	})
}

func TestTheHistoryShowsCiphertextAsItIs(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		for name, body := range map[string]string{
			"no protobuf":             "\xff\xfe ciphertext",
			"a text and more":         "\x0a\x05hello\x18\x01",
			"a text that is no UTF-8": "\x0a\x02\xff\xfe",
			"a text twice":            "\x0a\x01a\x0a\x01b",
			"a NUL":                   "\x00",
		} {
			m := text(string(alice.uid()), "")
			m.Msg = []byte(body)
			alice.send(m)
			want := `{"raw":"` + base64.StdEncoding.EncodeToString([]byte(body)) + `"}`
			if got := alice.history(alice.uid(), 0, 1); string(got[0].Content) != want {
				t.Errorf("%s: the content is %s, want %s", name, got[0].Content, want)
			}
		}
	})
}

func TestTheHistoryIsPagedBackToItsBeginning(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob, carol := w.user(), w.user(), w.user()
		g := w.group(alice, bob)
		var want []string // oldest first
		for n := range 25 {
			from, to := alice, bob
			if n%3 == 0 {
				from, to = bob, alice
			}
			want = append(want, fmt.Sprint(from.send(text(string(to.uid()), fmt.Sprint(n))).LogID))
			// What must not appear: others, a group, oneself.
			carol.send(text(string(alice.uid()), "from carol"))
			alice.send(text(string(carol.uid()), "to carol"))
			alice.send(groupText(g, "to all"))
			bob.send(text(string(bob.uid()), "a note"))
		}
		for _, size := range []int{1, 2, 7, 25, 100} {
			var got []string // newest first
			before := int64(0)
			for {
				page := alice.history(bob.uid(), before, size)
				for _, r := range page {
					got = append(got, r.LogID)
				}
				if len(page) < size {
					break
				}
				if _, err := fmt.Sscan(page[len(page)-1].LogID, &before); err != nil {
					t.Fatal(err)
				}
			}
			for i := range want {
				if len(got) != len(want) || got[i] != want[len(want)-1-i] {
					t.Fatalf("pages of %d give %v, want %v backwards", size, got, want)
				}
			}
		}
	})
}

// A page of the largest messages is larger than what services send each other
// at once, which is 4 MiB.
func TestAPageOfLargeMessagesIsWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		const messages = 75
		m := text(string(bob.uid()), "")
		m.Msg = bytes.Repeat([]byte("\xff"), maxMsg)
		for n := range messages {
			m.MsgId = strconv.Itoa(n)
			alice.send(m)
		}
		if got := len(bob.syncRaw(0, 1000)); got != messages {
			t.Fatalf("sync-record gives %d messages, want %d", got, messages)
		}
		page := bob.post("/app/record/pri-chat-record", map[string]any{"targetId": alice.uid(), "count": 100, "logId": ""}).want(t, fault.OK)
		whole := `"content":{"raw":"` + base64.StdEncoding.EncodeToString(m.Msg) + `"}`
		if got := bytes.Count(page.body, []byte(whole)); got != messages {
			t.Fatalf("the history has %d whole messages, want %d", got, messages)
		}
	})
}

func TestTheHistoryIsForTheTwoAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob, carol := w.user(), w.user(), w.user()
		slip := alice.send(text(string(bob.uid()), "a slip"))
		alice.send(text(string(bob.uid()), "between us"))
		if got := carol.history(alice.uid(), 0, 10); len(got) != 0 {
			t.Fatalf("carol reads %v", got)
		}
		if got := alice.history(carol.uid(), 0, 10); len(got) != 0 {
			t.Fatalf("alice reads %v with carol", got)
		}
		alice.revoke(slip.LogID).want(t, fault.OK)
		if got := bob.history(alice.uid(), 0, 1); len(got) != 1 || string(got[0].Content) != `{"content":"between us","mention":[]}` {
			t.Fatalf("after the revoke the newest is %v", got)
		}
		if got := bob.history(alice.uid(), 0, 10); len(got) != 1 {
			t.Fatalf("after the revoke the history is %v", got)
		}
	})
}
