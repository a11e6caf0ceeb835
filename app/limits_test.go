package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"parley/pkg/connlimit"
	"parley/pkg/ratelimit"
)

func TestABurstIsTwiceTheRateUnlessItIsSaid(t *testing.T) {
	t.Parallel()
	if got, want := rate(30, 0), (ratelimit.Rate{PerSecond: 30, Burst: 60}); got != want {
		t.Errorf("without a burst it is %+v, want %+v", got, want)
	}
	if got, want := rate(30, 1), (ratelimit.Rate{PerSecond: 30, Burst: 1}); got != want {
		t.Errorf("with a burst it is %+v, want %+v", got, want)
	}
}

func TestAGatewayWithoutLimitsNeedsNoRedis(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Connect.WithApp = false
	for _, target := range []string{"app", "group", "oss"} {
		p, err := planOf(c, []string{target})
		if err != nil || p.runs("redis") {
			t.Errorf("%s without limits runs %v, error %v", target, p.modules, err)
		}
		limited := c
		limited.Limit.AddressRate = 1
		p, err = planOf(limited, []string{target})
		if err != nil || !p.runs("redis") {
			t.Errorf("%s with limits runs %v, error %v", target, p.modules, err)
		}
	}
}

func TestAPortWithTooManyConnectionsSaysSo(t *testing.T) {
	t.Parallel()
	c := local(t)
	c.App.MaxConns = 1
	a := start(t, c, Options{})
	ask := func(conn net.Conn) (int, string) {
		t.Helper()
		if _, err := io.WriteString(conn, "POST /app/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	var conns [2]net.Conn
	for i := range conns {
		var err error
		if conns[i], err = net.Dial("tcp", a.Address("app")); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	if status, body := ask(conns[0]); status != http.StatusOK || !strings.HasPrefix(body, `{"result":-1010,`) {
		t.Errorf("the first connection is answered with status %d, %s", status, body)
	}
	if status, body := ask(conns[1]); status != http.StatusServiceUnavailable || !strings.HasPrefix(body, `{"result":-1000,`) {
		t.Errorf("the second connection is answered with status %d, %s", status, body)
	}
	for _, conn := range conns {
		conn.Close()
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestMoreConnectionsThanFilesAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	files := connlimit.Files()
	if files > 1<<30 {
		t.Skip("the process may open any number of files")
	}
	most := maxConns(files)
	c := local(t)
	c.Connect.MaxConns = int(most) + 1
	_, err := Start(t.Context(), c, Options{})
	if want := fmt.Sprintf("Connect.MaxConns is %d and must be at most %d: the process may open %d files", most+1, most, files); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %q in it", err, want)
	}
	for _, targets := range [][]string{{"group"}, {"record-rpc", "oss"}} {
		if err := c.checkConns(targets, files); err != nil {
			t.Errorf("the targets %v, which have no sockets, are refused: %v", targets, err)
		}
	}
}
