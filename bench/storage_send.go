package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
)

// partBytes is the content of every part.
var partBytes = sync.OnceValue(func() []byte {
	content := make([]byte, partSize)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content) // never fails
	return content
})

// uploader sends what is measured. Its buffers are large enough not to be what is
// measured.
var uploader = &http.Client{Transport: &http.Transport{
	MaxIdleConnsPerHost: crowdOfFiles, WriteBufferSize: 256 << 10, ReadBufferSize: 4 << 10, DisableCompression: true,
}}

// inParts runs send for each of some senders, who send all their parts, and returns
// how long that took.
func inParts(senders int, send func(part int) error) (time.Duration, error) {
	began := time.Now()
	errs := make([]error, senders)
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for j := range partsEach {
				if errs[i] = send(i*partsEach + j + 1); errs[i] != nil {
					return
				}
			}
		})
	}
	sending.Wait()
	return time.Since(began), errors.Join(errs...)
}

// sendDirect sends parts by minio-go.
func (s *storage) sendDirect(ctx context.Context, senders int) (time.Duration, error) {
	upload, err := s.direct.NewMultipartUpload(ctx, storageBucket, "direct", minio.PutObjectOptions{})
	if err != nil {
		return 0, fmt.Errorf("start an upload: %w", err)
	}
	took, err := inParts(senders, func(part int) error {
		_, err := s.direct.PutObjectPart(ctx, storageBucket, "direct", upload, part, bytes.NewReader(partBytes()), partSize,
			minio.PutObjectPartOptions{DisableContentSha256: true})
		return err
	})
	return took, errors.Join(err, s.direct.AbortMultipartUpload(ctx, storageBucket, "direct", upload))
}

// sendBare sends parts to the bare store.
func (s *storage) sendBare(ctx context.Context, senders int) (time.Duration, error) {
	return inParts(senders, func(int) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.bare.address+"/", bytes.NewReader(partBytes()))
		if err != nil {
			return err
		}
		answer, err := uploader.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New("the bare store says " + answer.Status)
		}
		return nil
	})
}

// sendThrough sends parts through a Parley.
func (s *storage) sendThrough(p *parley) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, senders int) (time.Duration, error) {
		object := map[string]string{"appId": "dtalk", "key": "through"}
		var upload struct {
			UploadID string `json:"uploadId"`
		}
		if err := s.call(ctx, p, "/oss/init-multipart-upload", object, &upload); err != nil {
			return 0, err
		}
		took, err := inParts(senders, func(part int) error {
			fields := []string{"appId", "dtalk", "key", "through", "uploadId", upload.UploadID, "partNumber", fmt.Sprint(part)}
			return s.post(ctx, p, "/oss/upload-part", fields, bytes.NewReader(partBytes()), partSize)
		})
		object["uploadId"] = upload.UploadID
		return took, errors.Join(err, s.call(ctx, p, "/oss/abort-multipart-upload", object, nil))
	}
}

// uploadCrowd uploads many large files through the gateway at once.
func (s *storage) uploadCrowd(ctx context.Context) error {
	errs := make([]error, crowdOfFiles)
	var sending sync.WaitGroup
	for i := range errs {
		sending.Go(func() {
			content := io.MultiReader(bytes.NewReader(partBytes()), bytes.NewReader(partBytes()), bytes.NewReader(partBytes()), bytes.NewReader(partBytes()))
			errs[i] = s.post(ctx, s.gateway, "/oss/upload", []string{"appId", "dtalk", "key", fmt.Sprint("file", i)}, content, fileSize)
		})
	}
	sending.Wait()
	return errors.Join(errs...)
}

// call asks a route with JSON.
func (s *storage) call(ctx context.Context, p *parley, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.request(ctx, p, path, "application/json", bytes.NewReader(text), int64(len(text)), into)
}

// post sends a file of size bytes behind its fields, names and values by turns.
func (s *storage) post(ctx context.Context, p *parley, path string, fields []string, file io.Reader, size int64) error {
	const boundary = "0123456789abcdef"
	var head bytes.Buffer
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(&head, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, fields[i], fields[i+1])
	}
	fmt.Fprintf(&head, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nContent-Type: application/octet-stream\r\n\r\n", boundary)
	tail := "\r\n--" + boundary + "--\r\n"
	length := int64(head.Len()) + size + int64(len(tail))
	return s.request(ctx, p, path, "multipart/form-data; boundary="+boundary, io.MultiReader(&head, file, bytes.NewReader([]byte(tail))), length, nil)
}

func (s *storage) request(ctx context.Context, p *parley, path, contentType string, body io.Reader, length int64, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, body)
	if err != nil {
		return err
	}
	request.ContentLength = length
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("FZM-SIGNATURE", s.user.key.Token(time.Now(), "bench"))
	answer, err := uploader.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	envelope := struct {
		Result  int    `json:"result"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}{Data: into}
	if err := json.NewDecoder(answer.Body).Decode(&envelope); err != nil {
		return fmt.Errorf("%s: %s: %w", path, answer.Status, err)
	}
	if envelope.Result != 0 {
		return fmt.Errorf("%s: %d %s", path, envelope.Result, envelope.Message)
	}
	return nil
}
