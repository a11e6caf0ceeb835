package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"slices"
	"strconv"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
	"parley/pkg/id"
)

// push sends a message and returns its logId.
func push(ctx context.Context, r client.REST, encoded []byte) (logID int64, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("message", "message")
	if err == nil {
		_, err = part.Write(encoded)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return 0, err
	}
	var sent struct {
		LogID int64 `json:"logId"`
	}
	err = r.Call(ctx, "/record/push", form.FormDataContentType(), body.Bytes(), &sent)
	return sent.LogID, err
}

// history returns the newest messages with another user, oldest first.
func history(ctx context.Context, r client.REST, other id.UID, count int) ([]event, error) {
	var page struct {
		Records []struct {
			LogID      string          `json:"logId"`
			MsgID      string          `json:"msgId"`
			FromID     string          `json:"fromId"`
			TargetID   string          `json:"targetId"`
			MsgType    wirev1.MsgType  `json:"msgType"`
			Content    json.RawMessage `json:"content"`
			CreateTime int64           `json:"createTime"`
		} `json:"records"`
	}
	if err := r.JSON(ctx, "/app/record/pri-chat-record", map[string]any{"targetId": other, "count": count, "logId": ""}, &page); err != nil {
		return nil, err
	}
	events := make([]event, 0, len(page.Records))
	for _, record := range slices.Backward(page.Records) {
		pos, err := strconv.ParseInt(record.LogID, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the logId %q: %w", record.LogID, err)
		}
		events = append(events, event{pos: pos, said: &said{
			msgID: record.MsgID, from: record.FromID, target: record.TargetID, at: time.UnixMilli(record.CreateTime),
			kind: record.MsgType, content: record.Content,
		}})
	}
	return events, nil
}
