package e2e

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// pushed is a body of push, or of push2 if framed: a message in a file part.
type pushed struct {
	framed  bool
	message *wirev1.Common
}

func (p pushed) encode(expand func(string) string) (string, []byte) {
	m := proto.Clone(p.message).(*wirev1.Common)
	m.Target = expand(m.Target)
	content := encode(&wirev1.Proto{Body: encode(m)})
	if p.framed {
		content = encode(&wirev1.Frame{Ver: 1, Op: 7, Seq: 12, Body: content})
	}
	return parts{file("message", string(content))}.encode(func(s string) string { return s })
}

// to is a text to somebody, changed.
func to(target string, changes ...func(*wirev1.Common)) *wirev1.Common {
	m := text(target, "hello")
	for _, change := range changes {
		change(m)
	}
	return m
}

// toGroup is a text to a group, changed.
func toGroup(target string, changes ...func(*wirev1.Common)) *wirev1.Common {
	m := to(target, changes...)
	m.ChannelType = wirev1.ChannelType_CHANNEL_TYPE_GROUP
	return m
}

func msgID(id string) func(*wirev1.Common) { return func(m *wirev1.Common) { m.MsgId = id } }

func typed(t wirev1.MsgType) func(*wirev1.Common) { return func(m *wirev1.Common) { m.MsgType = t } }

func channel(c wirev1.ChannelType) func(*wirev1.Common) {
	return func(m *wirev1.Common) { m.ChannelType = c }
}

func msg(body []byte) func(*wirev1.Common) { return func(m *wirev1.Common) { m.Msg = body } }

const (
	receipt      = `{"logId":#,"datetime":#}`
	firstReceipt = `{"logId":$known,"datetime":$time}`
	maxMsg       = 60 << 10
)

// sendRows are the rules of sending, in their order.
func sendRows(framed bool) []row {
	send := func(name string, m *wirev1.Common, result fault.Code, field, data string) row {
		return row{name: name, body: pushed{framed, m}, result: result, field: field, data: data}
	}
	accepted := func(name string, m *wirev1.Common) row { return send(name, m, fault.OK, "", receipt) }
	refused := func(name string, m *wirev1.Common, code fault.Code) row { return send(name, m, code, "", "") }
	invalid := func(name string, m *wirev1.Common, field string) row {
		return send(name, m, fault.BadRequest, field, "")
	}
	rows := []row{
		accepted("to bob", to("$bob")),
		accepted("to herself", to("$alice")),
		accepted("to a uid that nobody has yet", to("some-body_1.x")),
		accepted("to the longest uid", to(long(64))),
		accepted("to her group", toGroup("$group")),
		accepted("the longest msgId", to("$bob", msgID(long(64)))),
		accepted("the largest body", to("$bob", msg(make([]byte, maxMsg)))),
		accepted("an empty body", to("$bob", msg(nil))),
		send("what she sent before", to("$bob", msgID("known")), fault.OK, "", firstReceipt),
		send("its msgId with another message", to("$alice", msgID("known")), fault.OK, "", firstReceipt),
		{name: "bob uses the same msgId", from: byBob, body: pushed{framed, to("$alice", msgID("known"))}, data: receipt},

		invalid("an empty msgId", to("$bob", msgID("")), "msgId"),
		invalid("a msgId that is too long", to("$bob", msgID(long(65))), "msgId"),
		invalid("a body that is too long", to("$bob", msg(make([]byte, maxMsg+1))), "msg"),
		invalid("no target", to(""), "target"),
		invalid("a uid that is too long", to(long(65)), "target"),
		invalid("a uid with a blank", to("bob bob"), "target"),
		invalid("a uid with a NUL", to("bob\x00"), "target"),
		invalid("a group that is no number", toGroup("friends"), "target"),
		invalid("group 0", toGroup("0"), "target"),
		invalid("a negative group", toGroup("-1"), "target"),
		invalid("a group beyond 64 bits", toGroup("9223372036854775808"), "target"),
		invalid("a channel that there is not", to("$bob", channel(2)), "channelType"),

		refused("no such group", toGroup("9007199254740991"), fault.NoSuchGroup),
		refused("a blocked group", toGroup("$blocked"), fault.GroupBlocked),
		refused("a disbanded group", toGroup("$disbanded"), fault.GroupDisbanded),
		refused("a group of others", toGroup("$foreign"), fault.NotMember),
		refused("a group of others that is blocked", toGroup("$foreignblocked"), fault.GroupBlocked),
		refused("a group where she is muted", toGroup("$muted"), fault.Muted),
		refused("a group where all are muted", toGroup("$silent"), fault.Muted),
		accepted("a group where all but she are muted", toGroup("$ruled")),
		accepted("a group where her mute has ended", toGroup("$unmuted")),

		{name: "muted, in English", headers: english, body: pushed{framed, toGroup("$muted")}, result: fault.Muted},
		{name: "no body", body: nothing{}, result: fault.BadRequest, field: "file"},
		{name: "JSON", body: jsonText(`{"message":"hello"}`), result: fault.BadRequest, field: "file"},
		{name: "a form", body: form{"message": "hello"}, result: fault.BadRequest, field: "file"},
		{name: "no boundary", body: raw{"multipart/form-data", "hello"}, result: fault.BadRequest, field: "Content-Type"},
		{name: "no part", body: parts{}, result: fault.BadRequest, field: "file"},
		{name: "no part of that name", body: parts{file("msg", "hello")}, result: fault.BadRequest, field: "file"},
		{name: "an empty part", body: parts{file("message", "")}, result: fault.Failed},
		{name: "an empty part, in English", headers: english, body: parts{file("file", "")}, result: fault.Failed},
		{name: "two parts", body: parts{file("message", "a"), file("message", "b")}, result: fault.BadRequest, field: "file"},
		{name: "a part that is no protobuf", body: parts{file("message", "hello")}, result: fault.BadRequest, field: "message"},
	}
	for _, t := range []wirev1.MsgType{0, 7, 9, 11, 14, -1, 1 << 30} {
		rows = append(rows, invalid("type "+strconv.Itoa(int(t)), to("$bob", typed(t)), "msgType"))
	}
	for _, t := range []wirev1.MsgType{1, 2, 3, 4, 5, 6, 8, 10, 12, 13} {
		rows = append(rows, accepted("type "+strconv.Itoa(int(t)), to("$bob", typed(t))))
	}
	return rows
}

// groups makes a group for every state in which alice can find one.
func (s *scene) groups() {
	other := s.user()
	s.name("group", s.group(s.alice, s.bob))
	foreign := s.group(other, s.bob)
	s.name("foreign", foreign)
	blocked, foreignBlocked, disbanded := s.group(s.alice), s.group(other), s.group(s.alice, s.bob)
	muted, unmuted, silent, ruled := s.group(other, s.alice), s.group(other, s.alice), s.group(other, s.alice), s.group(other, s.alice)
	s.name("blocked", blocked)
	s.name("foreignblocked", foreignBlocked)
	s.name("disbanded", disbanded)
	s.name("muted", muted)
	s.name("unmuted", unmuted)
	s.name("silent", silent)
	s.name("ruled", ruled)
	s.block(blocked)
	s.block(foreignBlocked)
	s.alice.disband(disbanded).want(s.t, fault.OK)
	other.mute(muted, eventlog.Forever, s.alice).want(s.t, fault.OK)
	other.muteAll(silent, true).want(s.t, fault.OK)
	other.muteAll(ruled, true).want(s.t, fault.OK)
	other.setRole(ruled, eventlog.Admin, s.alice).want(s.t, fault.OK)
	var ends struct{ Members []person }
	other.mute(unmuted, 1, s.alice).want(s.t, fault.OK).into(s.t, &ends)
	until(s.t, func() bool { return time.Now().UnixMilli() > ends.Members[0].MuteTime })
}

func sendScene(s *scene) {
	s.groups()
	known := s.alice.send(to(string(s.bob.uid()), msgID("known")))
	s.name("known", known.LogID)
	s.name("time", known.Datetime)
}

var recordTables = []table{
	{
		route: "/record/push",
		good:  pushed{false, to("$bob")},
		set:   sendScene,
		rows: append(sendRows(false),
			row{name: "a Proto of a signal", body: parts{file("message", string(encode(&wirev1.Proto{EventType: 2, Body: encode(to("bob"))})))}, result: fault.BadRequest, field: "eventType"},
			row{name: "a Proto without a body", body: parts{file("message", string(encode(&wirev1.Proto{EventType: 1})))}, result: fault.BadRequest, field: "eventType"},
			row{name: "a Proto around what is no message", body: parts{file("message", string(encode(&wirev1.Proto{Body: []byte("hello")})))}, result: fault.BadRequest, field: "body"},
			row{name: "a message with invalid UTF-8", body: parts{file("message", string(encode(&wirev1.Proto{Body: []byte("\x1a\x02\xff\xfe")})))}, result: fault.BadRequest, field: "body"},
		),
	},
	{
		route: "/record/push2",
		good:  pushed{true, to("$bob")},
		set:   sendScene,
		rows: append(sendRows(true),
			row{name: "a frame without a body", body: parts{file("message", string(encode(&wirev1.Frame{Ver: 1, Op: 7})))}, result: fault.BadRequest, field: "body"},
			row{name: "a frame of another operation", body: parts{file("message", string(encode(&wirev1.Frame{Ver: 1, Op: 3, Body: []byte("x")})))}, result: fault.BadRequest, field: "op"},
			row{name: "a bare Proto", body: pushed{false, to("$bob")}, result: fault.BadRequest, field: "op"},
			row{name: "a frame around what is no Proto", body: parts{file("message", string(encode(&wirev1.Frame{Op: 7, Body: []byte("hello")})))}, result: fault.BadRequest, field: "message"},
		),
	},
	{
		route: "/app/record/sync-record",
		good:  jsonText(`{"count":100}`),
		set: func(s *scene) {
			carol := s.user()
			s.name("head", carol.send(text(string(carol.uid()), "nothing of alice's")).LogID)
		},
		rows: []row{
			{name: "nothing yet", body: jsonText(`{"count":100}`), data: noRecords},
			{name: "nothing after the newest", body: jsonText(`{"count":1,"start":$head}`), data: noRecords},
			{name: "the largest page", body: jsonText(`{"count":1000,"start":0}`), data: noRecords},
			{name: "after the end of all numbers", body: jsonText(`{"count":1000,"start":9223372036854775807}`), data: noRecords},
			{name: "before the beginning", body: jsonText(`{"count":1000,"start":-1}`), data: noRecords},
			{name: "start as null", body: jsonText(`{"count":1000,"start":null}`), data: noRecords},
			wrong("count", `{}`),
			wrong("count", `{"count":0}`),
			wrong("count", `{"count":-1}`),
			wrong("count", `{"count":1001}`),
			wrong("count", `{"count":10.5}`),
			wrong("count", `{"count":"10"}`),
			wrong("count", `{"count":null}`),
			wrong("start", `{"count":10,"start":"0"}`),
			wrong("start", `{"count":10,"start":9223372036854775808}`),
			wrong("body", `{"count":10`),
			{name: "no body", body: nothing{}, result: fault.BadRequest, field: "count"},
		},
	},
	{
		route: "/app/record/pri-chat-record",
		good:  jsonText(`{"targetId":"$bob","count":10,"logId":""}`),
		set: func(s *scene) {
			m := text(string(s.bob.uid()), "你好 <b>&\u2028")
			m.MsgId = "hello"
			hello := s.alice.send(m)
			s.name("hello", hello.LogID)
			s.name("time", hello.Datetime)
		},
		rows: []row{
			{name: "the newest", body: jsonText(`{"targetId":"$bob","count":10,"logId":""}`), data: oneRecord},
			{name: "the newest, by 0", body: jsonText(`{"targetId":"$bob","count":10,"logId":"0"}`), data: oneRecord},
			{name: "below the end of all numbers", body: jsonText(`{"targetId":"$bob","count":100,"logId":"9223372036854775807"}`), data: oneRecord},
			{name: "from the other side", from: byBob, body: jsonText(`{"targetId":"$alice","count":10,"logId":""}`), data: oneRecord},
			{name: "below the only one", body: jsonText(`{"targetId":"$bob","count":10,"logId":"$hello"}`), data: noRecords},
			{name: "with herself", body: jsonText(`{"targetId":"$alice","count":10,"logId":""}`), data: noRecords},
			{name: "with nobody", body: jsonText(`{"targetId":"nobody","count":10,"logId":""}`), data: noRecords},
			{name: "fromId does not count", from: byBob, body: jsonText(`{"fromId":"$alice","targetId":"nobody","count":10,"logId":""}`), data: noRecords},
			wrong("targetId", `{"count":10,"logId":""}`),
			wrong("targetId", `{"targetId":"","count":10,"logId":""}`),
			wrong("targetId", `{"targetId":"a b","count":10,"logId":""}`),
			wrong("targetId", `{"targetId":7,"count":10,"logId":""}`),
			wrong("count", `{"targetId":"$bob","logId":""}`),
			wrong("count", `{"targetId":"$bob","count":0,"logId":""}`),
			wrong("count", `{"targetId":"$bob","count":101,"logId":""}`),
			wrong("logId", `{"targetId":"$bob","count":10}`),
			wrong("logId", `{"targetId":"$bob","count":10,"logId":7}`),
			wrong("logId", `{"targetId":"$bob","count":10,"logId":"seven"}`),
			wrong("logId", `{"targetId":"$bob","count":10,"logId":"-1"}`),
			wrong("logId", `{"targetId":"$bob","count":10,"logId":"9223372036854775808"}`),
		},
	},
	{
		route: "/app/record/revoke",
		good:  jsonText(`{"type":0,"logId":$slip}`),
		set: func(s *scene) {
			s.groups()
			s.name("slip", s.alice.send(text(string(s.bob.uid()), "a slip")).LogID)
			s.name("nothing", s.alice.send(text(string(s.bob.uid()), "the last one")).LogID+1<<40)
		},
		rows: []row{
			{name: "the receiver may not", from: byBob, result: fault.Forbidden},
			{name: "nor may he in English", from: byBob, headers: english, result: fault.Forbidden},
			{name: "the author may", body: jsonText(`{"type":0,"logId":$slip}`)},
			{name: "again", body: jsonText(`{"type":0,"logId":$slip}`)},
			{name: "without the type", body: jsonText(`{"logId":$slip}`)},
			{name: "with the wrong type", body: jsonText(`{"type":1,"logId":$slip}`)},
			{name: "what never was", body: jsonText(`{"logId":$nothing}`), result: fault.NotFound},
			{name: "0", body: jsonText(`{"logId":0}`), result: fault.NotFound},
			{name: "a negative logId", body: jsonText(`{"logId":-5}`), result: fault.NotFound},
			{name: "beyond 2^53", body: jsonText(`{"logId":9223372036854775807}`), result: fault.NotFound},
			wrong("type", `{"type":2,"logId":$slip}`),
			wrong("type", `{"type":"0","logId":$slip}`),
			wrong("logId", `{"type":0}`),
			wrong("logId", `{"logId":"$slip"}`),
			wrong("logId", `{"logId":1e3}`),
			wrong("body", "\x00"),
			{name: "no body", body: nothing{}, result: fault.BadRequest, field: "logId"},
		},
	},
	{
		route: "/app/record/focus",
		good:  jsonText(`{"type":0,"logId":$news}`),
		set: func(s *scene) {
			s.name("news", s.bob.send(text(string(s.alice.uid()), "news")).LogID)
			gone := s.bob.send(text(string(s.alice.uid()), "soon gone")).LogID
			s.bob.revoke(gone).want(s.t, fault.OK)
			s.name("gone", gone)
		},
		rows: []row{
			{name: "the author may not", from: byBob, result: fault.Forbidden},
			{name: "the receiver may", body: jsonText(`{"type":0,"logId":$news}`)},
			{name: "again", body: jsonText(`{"type":0,"logId":$news}`)},
			{name: "without the type", body: jsonText(`{"logId":$news}`)},
			{name: "what was revoked", body: jsonText(`{"logId":$gone}`), result: fault.NotFound},
			{name: "what never was", body: jsonText(`{"logId":9007199254740991}`), result: fault.NotFound},
			{name: "what never was, in English", headers: english, body: jsonText(`{"logId":9007199254740991}`), result: fault.NotFound},
			wrong("type", `{"type":-1,"logId":$news}`),
			wrong("logId", `{}`),
			wrong("logId", `{"logId":[$news]}`),
			{name: "no body", body: nothing{}, result: fault.BadRequest, field: "logId"},
		},
	},
}

const (
	noRecords = `{"record_count":0,"records":[]}`
	oneRecord = `{"record_count":1,"records":[{"logId":"$hello","msgId":"hello","fromId":"$alice","targetId":"$bob","msgType":1,` +
		`"content":{"content":"你好 <b>&\u2028","mention":[]},"createTime":$time}]}`
)
