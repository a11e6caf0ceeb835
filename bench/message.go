package main

import (
	"bytes"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/textproto"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/record"
)

// bodySize is the size of every message's body, which stands for the
// ciphertext of a line or two.
const bodySize = 200

// msgIDLength is the length of a uuid, which is what clients take for a msgId.
const msgIDLength = 36

// putMsgID writes a new random uuid over b. It is called for every request, so
// it does not use crypto/rand.
func putMsgID(b []byte) {
	const digits = "0123456789abcdef"
	var bits uint64
	for i := range msgIDLength {
		if i%16 == 0 {
			bits = rand.Uint64()
		}
		switch i {
		case 8, 13, 18, 23:
			b[i] = '-'
		default:
			b[i] = digits[bits&15]
		}
		bits >>= 4
	}
}

func newMsgID() string {
	var b [msgIDLength]byte
	putMsgID(b[:])
	return string(b[:])
}

// encodeMessage makes the Proto of a message, to a user or a group, as a client
// does.
func encodeMessage(channel wirev1.ChannelType, msgID, target string) ([]byte, error) {
	body := make([]byte, bodySize)
	if _, err := crand.Read(body); err != nil {
		return nil, err
	}
	common, err := proto.Marshal(&wirev1.Common{
		ChannelType: channel,
		MsgId:       msgID,
		Target:      target,
		MsgType:     wirev1.MsgType_MSG_TYPE_TEXT,
		Msg:         body,
	})
	if err != nil {
		return nil, fmt.Errorf("encode a message: %w", err)
	}
	return proto.Marshal(&wirev1.Proto{Body: common})
}

// newEvent makes the row that Parley stores for a message.
func newEvent(from id.UID, channel wirev1.ChannelType, target string) (eventlog.Event, error) {
	message, err := encodeMessage(channel, newMsgID(), target)
	if err != nil {
		return eventlog.Event{}, err
	}
	return record.Parse(from, message, record.DefaultConfig())
}

// pushRequest is a finished request to push2, in which the msgId and the target
// are replaced for each message.
type pushRequest struct {
	bytes         []byte
	msgID, target []byte // parts of bytes
}

func newPushRequest(from *user, channel wirev1.ChannelType, target string) (*pushRequest, error) {
	msgID := newMsgID()
	message, err := encodeMessage(channel, msgID, target)
	if err != nil {
		return nil, err
	}
	frame, err := proto.Marshal(&wirev1.Frame{Ver: 1, Op: opSendMsg, Seq: 1, Body: message})
	if err != nil {
		return nil, fmt.Errorf("encode a frame: %w", err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="message"; filename="message"`},
		"Content-Type":        {"application/octet-stream"},
	})
	if err == nil {
		_, err = part.Write(frame)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encode a form: %w", err)
	}
	r := &pushRequest{bytes: post("/record/push2", from.token(), form.FormDataContentType(), body.Bytes())}
	id, to := bytes.Index(r.bytes, []byte(msgID)), bytes.Index(r.bytes, []byte(target))
	r.msgID, r.target = r.bytes[id:id+len(msgID)], r.bytes[to:to+len(target)]
	return r, nil
}

// next is the request for a new message to the same target.
func (r *pushRequest) next() []byte {
	putMsgID(r.msgID)
	return r.bytes
}

// nextTo is the request for a new message to another target of the same length.
func (r *pushRequest) nextTo(target id.UID) []byte {
	copy(r.target, target)
	return r.next()
}
