package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// conn is a keep-alive connection for one request at a time. It exists because
// net/http's client would cost as much CPU as the server that it measures:
// requests come as finished bytes, and of an answer only the status, the length
// and the body are looked at.
type conn struct {
	net.Conn
	buffer []byte
}

// answerTimeout is far above anything that is not a failure.
const answerTimeout = 20 * time.Second

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, answerTimeout)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, buffer: make([]byte, 8<<10)}, nil
}

// do sends a request and returns the body of the answer, which is valid until
// the next call.
func (c *conn) do(request []byte) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	read := 0
	for {
		if read == len(c.buffer) {
			c.buffer = append(c.buffer, make([]byte, len(c.buffer))...)
		}
		n, err := c.Read(c.buffer[read:])
		if err != nil {
			return nil, fmt.Errorf("read an answer: %w", err)
		}
		read += n
		head, length, err := parseHead(c.buffer[:read])
		if err != nil {
			return nil, err
		}
		if head > 0 && read >= head+length {
			if read > head+length {
				return nil, errors.New("the server sent more than its answer")
			}
			return c.buffer[head:read], nil
		}
	}
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

// parseHead returns how long the head of an answer is and how long its body
// will be; head is 0 while the head is not complete.
func parseHead(b []byte) (head, body int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return 0, 0, nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return 0, 0, fmt.Errorf("the server answered %q", firstLine(b))
	}
	at := bytes.Index(b[:end], contentLength)
	if at < 0 {
		return 0, 0, errors.New("the answer has no Content-Length")
	}
	digits, _, _ := bytes.Cut(b[at+len(contentLength):end+2], headEnd[:2])
	body, err = strconv.Atoi(string(digits))
	if err != nil || body < 0 {
		return 0, 0, fmt.Errorf("the answer has the Content-Length %q", digits)
	}
	return end + len(headEnd), body, nil
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, headEnd[:2])
	return line
}

// post makes the bytes of a request as an app sends it.
func post(path, token, contentType string, body []byte) []byte {
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: parley.example\r\n", path)
	b = append(b, "User-Agent: okhttp/4.9.1\r\nAccept-Encoding: gzip\r\n"...)
	b = append(b, "FZM-UUID: 3f0d5a0e-6f7c-4b52-9b1e-2b1f8d1c7a55\r\nFZM-DEVICE: Android\r\nFZM-DEVICE-NAME: Pixel 7\r\nFZM-VERSION: 3.2.0\r\n"...)
	b = fmt.Appendf(b, "FZM-SIGNATURE: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", token, contentType, len(body))
	return append(b, body...)
}

// postJSON is post with a JSON body.
func postJSON(path, token, body string) []byte {
	return post(path, token, "application/json; charset=utf-8", []byte(body))
}
