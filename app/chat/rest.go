package chat

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// restWithin bounds one request.
const restWithin = 20 * time.Second

// rest is the REST API as one user calls it.
type rest struct {
	base   string
	key    auth.Key
	client *http.Client
}

func newREST(base string, key auth.Key) rest {
	return rest{strings.TrimRight(base, "/"), key, &http.Client{Timeout: restWithin}}
}

// codeError is an answer that says no.
type codeError struct {
	code    fault.Code
	message string
}

func (e *codeError) Error() string { return fmt.Sprintf("%s (%d)", e.message, int(e.code)) }

// temporary reports whether the same request may be answered in another way
// later.
func (e *codeError) temporary() bool { return e.code == fault.Busy }

// call sends a request with a fresh token and decodes the data of the answer.
func (r rest) call(ctx context.Context, path, contentType string, body []byte, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("FZM-SIGNATURE", r.key.Token(time.Now(), "parley-chat"))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept-Language", "en")
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var envelope struct {
		Result  *fault.Code     `json:"result"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil || envelope.Result == nil {
		return fmt.Errorf("%s is answered %s and is no Parley API", path, res.Status)
	}
	if *envelope.Result != fault.OK {
		return &codeError{*envelope.Result, envelope.Message}
	}
	return json.Unmarshal(envelope.Data, data)
}

func (r rest) json(ctx context.Context, path string, body, data any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return r.call(ctx, path, "application/json", encoded, data)
}

// push sends a message and returns its logId.
func (r rest) push(ctx context.Context, encoded []byte) (logID int64, err error) {
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
	err = r.call(ctx, "/record/push", form.FormDataContentType(), body.Bytes(), &sent)
	return sent.LogID, err
}

// sync returns up to count of the user's events after a position.
func (r rest) sync(ctx context.Context, after int64, count int) ([]event, error) {
	var page struct {
		Records []string `json:"records"`
	}
	if err := r.json(ctx, "/app/record/sync-record", map[string]any{"count": count, "start": after}, &page); err != nil {
		return nil, err
	}
	events := make([]event, 0, len(page.Records))
	for _, record := range page.Records {
		raw, err := base64.StdEncoding.DecodeString(record)
		if err != nil {
			return nil, fmt.Errorf("read an event after %d: %w", after, err)
		}
		e, err := decodeEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("read an event after %d: %w", after, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// history returns the newest messages with another user, oldest first.
func (r rest) history(ctx context.Context, other id.UID, count int) ([]event, error) {
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
	if err := r.json(ctx, "/app/record/pri-chat-record", map[string]any{"targetId": other, "count": count, "logId": ""}, &page); err != nil {
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

const (
	// syncCount is the size of a page of sync-record, backCount that of one
	// when looking back.
	syncCount = 200
	backCount = 1000
	// maxPosition is above every position.
	maxPosition = 1<<53 - 1
	// maxBack bounds how often newest looks further back.
	maxBack = 6
)

// newest returns the newest events that are wanted, oldest first, and the
// position of the newest event of all. It finds up to count of them, or fewer
// where they are rare: sync-record only reads onwards, so it looks into some
// stretches before the end, each twice as long as the last.
func (r rest) newest(ctx context.Context, count int, want func(event) bool) (found []event, end int64, err error) {
	unwanted := func(e event) bool { return !want(e) }
	found, start, err := r.tail(ctx)
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	end = found[len(found)-1].pos
	found = slices.DeleteFunc(found, unwanted)
	stretch := max(end-start, syncCount)
	for n := 0; n < maxBack && start > 0 && len(found) < count; n++ {
		from := max(0, start-stretch)
		earlier, err := r.between(ctx, from, start)
		if err != nil {
			return nil, 0, err
		}
		found = append(slices.DeleteFunc(earlier, unwanted), found...)
		start, stretch = from, 2*stretch
	}
	return found[max(0, len(found)-count):], end, nil
}

// tail returns the last events, a page at most, and the position after which it
// read them. A page says on which side of its beginning the end lies, so that
// each halves the distance.
func (r rest) tail(ctx context.Context) (events []event, start int64, err error) {
	probe, low, high := int64(0), int64(0), int64(maxPosition)
	for {
		page, err := r.sync(ctx, probe, syncCount)
		switch {
		case err != nil:
			return nil, 0, err
		case len(page) == 0:
			high = probe
		case len(page) < syncCount:
			return page, probe, nil
		default:
			events, start, low = page, probe, page[len(page)-1].pos
		}
		if low+1 >= high {
			return events, start, nil
		}
		probe = low + (high-low)/2
		if high == maxPosition {
			probe = min(4*low, probe)
		}
	}
}

// between returns the events after one position and up to another.
func (r rest) between(ctx context.Context, after, to int64) (events []event, err error) {
	for {
		page, err := r.sync(ctx, after, backCount)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.pos > to {
				return events, nil
			}
			events = append(events, e)
			after = e.pos
		}
		if len(page) < backCount || after >= to {
			return events, nil
		}
	}
}
