package app

import (
	"crypto/rand"
	"flag"
	"fmt"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
)

// message prints a text message as bytes, ready to be the file part of
// /record/push. Apps make these with a protobuf library; curl cannot.
func (c *command) message() error {
	flags := flag.NewFlagSet("message", flag.ContinueOnError)
	to := flags.String("to", "", "")
	group := flags.String("group", "", "")
	msgID := flags.String("id", "", "")
	text := flags.String("text", "", "")
	if err := c.parse(flags); err != nil {
		return err
	}
	m := &wirev1.Common{MsgId: *msgID, MsgType: wirev1.MsgType_MSG_TYPE_TEXT}
	switch _, err := id.ParseGID(*group); {
	case (*to == "") == (*group == ""):
		return fmt.Errorf("to whom? give -to with a uid or -group with a group id: %w", errUsage)
	case *to != "" && !id.UID(*to).Valid():
		return fmt.Errorf("-to %q is not a uid: %w", *to, errUsage)
	case *to != "":
		m.Target = *to
	case err != nil:
		return fmt.Errorf("-group %q: %w: %w", *group, err, errUsage)
	default:
		m.ChannelType, m.Target = wirev1.ChannelType_CHANNEL_TYPE_GROUP, *group
	}
	if m.MsgId == "" {
		m.MsgId = rand.Text()
	}
	encoded, err := wrap(m, &wirev1.Text{Content: *text})
	if err != nil {
		return err
	}
	_, err = c.out.Write(encoded)
	return err
}

// wrap puts a body into a message and that into a Proto.
func wrap(m *wirev1.Common, body proto.Message) (encoded []byte, err error) {
	if m.Msg, err = proto.Marshal(body); err != nil {
		return nil, fmt.Errorf("encode the body: %w", err)
	}
	inner, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	return proto.Marshal(&wirev1.Proto{EventType: wirev1.EventType_EVENT_TYPE_COMMON, Body: inner})
}
