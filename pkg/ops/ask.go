package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// askFor bounds the whole of a request.
const askFor = 3 * time.Second

// Ask asks the operations port of a process of this machine whether it is alive, or
// whether it is ready, and returns the answer. An answer other than 200 is an error
// with the answer in it. An address without a host is the loopback one.
func Ask(ctx context.Context, address string, ready bool) (string, error) {
	if ready {
		return request(ctx, address, http.MethodGet, "/readyz", "")
	}
	return request(ctx, address, http.MethodGet, "/healthz", "")
}

// AskLogLevel asks, as Ask does, for the least level that is logged.
func AskLogLevel(ctx context.Context, address string) (string, error) {
	return request(ctx, address, http.MethodGet, "/log/level", "")
}

// ChangeLogLevel sets the least level that is logged, and returns it.
func ChangeLogLevel(ctx context.Context, address, level string) (string, error) {
	return request(ctx, address, http.MethodPut, "/log/level", level)
}

func request(ctx context.Context, address, method, path, body string) (string, error) {
	if address == "" {
		return "", errors.New("Ops.Listen is empty: the process has no operations port")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if strings.Contains(address, "[") {
			host = "::1"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+net.JoinHostPort(host, port)+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	// Neither a proxy nor a connection that is kept: the process is right here, and
	// this one ends.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", address, err)
	}
	answer := strings.TrimSpace(string(text))
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s says %s: %s", path, res.Status, answer)
	}
	return answer, nil
}
