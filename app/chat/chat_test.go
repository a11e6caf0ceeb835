package chat

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
	"parley/pkg/packet"
)

const (
	me  = "1AqutxNoVTtcWiVYpBtvficAgea1dYTddR"
	bob = "bob"
)

// talk is a chat without a connection, in a pipe.
func talk(c conversation) (*chat, *bytes.Buffer) {
	out := new(bytes.Buffer)
	c.me = me
	return &chat{
		conversation: c, link: new(client.Link), screen: &screen{out: out}, began: time.Now(),
		shown: make(map[int64]*shown), elsewhere: make(map[string]bool),
	}, out
}

// at is the time of all messages, which is left out of what is compared.
var at = time.Date(2020, 1, 2, 3, 4, 5, 0, time.Local)

func text(pos int64, msgID, from, to, words string) event {
	return event{pos: pos, said: &said{
		msgID: msgID, from: from, target: to, at: at, kind: wirev1.MsgType_MSG_TYPE_TEXT,
		content: []byte(fmt.Sprintf(`{"content":%q,"mention":[]}`, words)),
	}}
}

func signal(pos int64, kind wirev1.SignalType, body proto.Message) event {
	return event{pos: pos, signal: &wirev1.Signal{Type: kind, Sid: pos, Body: client.Encode(body)}}
}

func wantPrinted(t *testing.T, out *bytes.Buffer, want ...string) {
	t.Helper()
	got := strings.ReplaceAll(out.String(), at.Format(time.DateTime), "0:00")
	if got != strings.Join(want, "\n")+"\n" {
		t.Errorf("printed is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestNothingIsShownTwice(t *testing.T) {
	t.Parallel()
	c, out := talk(conversation{other: bob})
	events := []event{
		text(1, "a", bob, me, "one"), text(2, "b", me, bob, "two"), text(4, "c", bob, "eve", "not ours"),
		signal(5, wirev1.SignalType_SIGNAL_TYPE_RECEIVED, &wirev1.SignalReceived{Logs: []int64{1, 2, 3}}),
		text(6, "d", bob, me, "three"),
	}
	for range 2 {
		for _, e := range events {
			c.take(e)
			c.take(e)
		}
	}
	wantPrinted(t, out, "0:00 bob: one", "0:00 me: two", "✓✓ 2", "0:00 bob: three")
}

// Whether the receipt or the echo of a message comes first does not matter, nor
// that only one of them does.
func TestAMessageIsStoredOnce(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*chat, *message){
		"the receipt":                   func(c *chat, m *message) { c.receive(t.Context(), reply(m.seq, 7)) },
		"the echo":                      func(c *chat, m *message) { c.take(text(7, m.msgID, me, bob, "hi")) },
		"the receipt and then the echo": func(c *chat, m *message) { c.stored(m, 7); c.take(text(7, m.msgID, me, bob, "hi")) },
		"the echo and then the receipt": func(c *chat, m *message) {
			c.take(text(7, m.msgID, me, bob, "hi"))
			c.receive(t.Context(), reply(m.seq, 7))
		},
		"a refusal, but REST stored it":  func(c *chat, m *message) { c.judge(answered{m, 7, nil}) },
		"the echo, and REST answers too": func(c *chat, m *message) { c.take(text(7, m.msgID, me, bob, "hi")); c.judge(answered{m, 7, nil}) },
	} {
		c, out := talk(conversation{other: bob})
		c.post(typed{text: "hi"})
		m := c.out.messages[0]
		m.seq = 3
		happens(c, m)
		c.take(signal(8, wirev1.SignalType_SIGNAL_TYPE_RECEIVED, &wirev1.SignalReceived{Logs: []int64{7}}))
		if got := out.String(); got != "✓ 7\n✓✓ 7\n" || !c.out.empty() || c.verdict() != nil {
			t.Errorf("after %s: printed is %q, %d messages are left", name, got, len(c.out.messages))
		}
	}
}

func reply(seq uint32, logID int64) packet.Packet {
	ack := client.Encode(&wirev1.CommonAck{LogId: logID})
	return packet.Packet{Op: packet.SendMsgReply, Ack: seq, Body: client.Encode(&wirev1.Proto{EventType: wirev1.EventType_EVENT_TYPE_COMMON_ACK, Body: ack})}
}

// wires is a connection that keeps what was written.
type wires []packet.Packet

func (w *wires) Write(p packet.Packet) uint32 {
	*w = append(*w, p)
	return uint32(len(*w))
}

func TestWhatHasNoReceiptIsSentAgainOverTheNextConnection(t *testing.T) {
	t.Parallel()
	c, _ := talk(conversation{group: 7})
	for _, words := range []string{"one", "two", "three"} {
		c.post(typed{text: words})
	}
	var first, second wires
	c.out.flush(&first)
	c.out.flush(&first)
	c.stored(c.out.bySeq(2), 9)
	c.out.messages[1].asking = true
	c.out.disconnected()
	c.out.flush(&second)
	if len(first) != 3 || len(second) != 1 || !bytes.Equal(first[0].Body, second[0].Body) {
		t.Errorf("sent are %d packets and then %d, want 3 and the first of them again", len(first), len(second))
	}
}

func TestWhatIsNotSentIsSaid(t *testing.T) {
	t.Parallel()
	c, out := talk(conversation{group: 7})
	c.post(typed{text: strings.Repeat("x", maxText+1)})
	for _, words := range []string{"muted", "busy", "late"} {
		c.post(typed{text: words})
	}
	muted, busy := c.out.messages[0], c.out.messages[1]
	muted.asking, busy.asking, busy.seq = true, true, 2
	c.judge(answered{muted, 0, &client.CodeError{Code: -10032, Message: "You are muted"}})
	c.judge(answered{busy, 0, &client.CodeError{Code: -1000, Message: "The server is busy"}})
	if busy.asking || busy.seq != 0 {
		t.Errorf("what could not be judged is not sent again: %+v", busy)
	}
	c.giveUp("no answer")
	wantPrinted(t, out,
		`not sent: "`+strings.Repeat("x", 40)+`…": it is longer than 61376 bytes`,
		`not sent: "muted": You are muted (-10032)`,
		`not sent: "busy": no answer`, `not sent: "late": no answer`)
	if err := c.verdict(); err == nil || err.Error() != "4 messages were not sent" {
		t.Errorf("the verdict is %v", err)
	}
}

func TestSignalsAreShownOfWhatWasShown(t *testing.T) {
	t.Parallel()
	c, out := talk(conversation{other: bob})
	c.take(text(2, "a", bob, me, "a slip"))
	for pos, logID := range []int64{1, 2} {
		c.take(signal(int64(10+2*pos), wirev1.SignalType_SIGNAL_TYPE_REVOKE, &wirev1.SignalRevoke{LogId: logID, Operator: bob, Self: true}))
		c.take(signal(int64(11+2*pos), wirev1.SignalType_SIGNAL_TYPE_FOCUS_MESSAGE, &wirev1.SignalFocusMessage{LogId: logID, Uid: me, CurrentNum: 1}))
	}
	c.take(signal(20, wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_AVATAR, &wirev1.SignalUpdateGroupAvatar{Group: 7}))
	wantPrinted(t, out, "0:00 bob: a slip", "message 2 of 0:00 was taken back by bob", "message 2 of 0:00 was marked as important by me")
}

func TestOtherConversationsAreHintedAtOnce(t *testing.T) {
	t.Parallel()
	c, out := talk(conversation{other: bob})
	c.began = at
	old := text(1, "a", "dan", me, "before")
	old.said.at = at.Add(-time.Second)
	c.take(old)
	for pos := int64(2); pos < 10; pos += 3 {
		c.take(text(pos, "b", "eve", me, "psst"))
		inGroup := text(pos+1, "c", bob, "7", "all")
		inGroup.said.toGroup = true
		c.take(inGroup)
		c.take(text(pos+2, "d", me, "eve", "from my phone"))
	}
	wantPrinted(t, out, "elsewhere: a message from eve", "elsewhere: a message in group 7")
}
