package await_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zeromicro/go-zero/core/logx/logtest"

	"parley/pkg/await"
)

var errDown = errors.New("connection refused")

func server(timeout time.Duration) await.Server {
	return await.Server{Name: "the database at db:3306", Key: "Database.DSN", Timeout: timeout}
}

// The tests are not parallel: there is one log for the whole process.

func TestAServerThatIsThereCostsNoWordInTheLog(t *testing.T) {
	log := logtest.NewCollector(t)
	if err := await.For(t.Context(), server(time.Minute), func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	if log.String() != "" {
		t.Errorf("the log says %q", log.String())
	}
}

func TestAWaitIsLoggedWhenItBeginsAndWhenItIsOver(t *testing.T) {
	log := logtest.NewCollector(t)
	tries := 0
	err := await.For(t.Context(), server(time.Minute), func(context.Context) error {
		if tries++; tries < 4 {
			return errDown
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	text := log.String()
	if strings.Count(text, "waiting for the database at db:3306") != 1 || !strings.Contains(text, "connection refused") ||
		!strings.Contains(text, "Database.DSN") || !strings.Contains(text, "the database at db:3306 is there") {
		t.Errorf("the log says %q", text)
	}
}

func TestALongWaitIsLoggedAtIntervals(t *testing.T) {
	log := logtest.NewCollector(t)
	s := server(400 * time.Millisecond)
	s.LogEvery = time.Millisecond
	if err := await.For(t.Context(), s, func(context.Context) error { return errDown }); err == nil {
		t.Error("it ended well")
	}
	if n := strings.Count(log.String(), "waiting for"); n < 2 {
		t.Errorf("the log has %d lines", n)
	}
}

func TestGivingUpNamesTheKeyAndTheReason(t *testing.T) {
	logtest.Discard(t)
	for name, try := range map[string]func(context.Context) error{
		"refused":             func(context.Context) error { return errDown },
		"then without a word": func(ctx context.Context) error { <-ctx.Done(); return errDown },
	} {
		err := await.For(t.Context(), server(100*time.Millisecond), try)
		if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "Database.DSN") || !strings.Contains(err.Error(), "100ms") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestAServerThatSaysNothingIsTriedAgain(t *testing.T) {
	logtest.Discard(t)
	s := server(time.Minute)
	s.Attempt = 10 * time.Millisecond
	tries := 0
	err := await.For(t.Context(), s, func(ctx context.Context) error {
		if tries++; tries == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestWhatWaitingDoesNotCureIsNotWaitedFor(t *testing.T) {
	logtest.Discard(t)
	tries := 0
	wrong := errors.New("wrong password")
	err := await.For(t.Context(), server(time.Hour), func(context.Context) error {
		tries++
		return await.Permanent(wrong)
	})
	if !errors.Is(err, wrong) || !strings.Contains(err.Error(), "Database.DSN") || tries != 1 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestAServerWithoutAGoodCertificateIsNotWaitedFor(t *testing.T) {
	logtest.Discard(t)
	tries := 0
	unknown := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	err := await.For(t.Context(), server(time.Hour), func(context.Context) error {
		tries++
		return fmt.Errorf("connect: %w", unknown)
	})
	if !errors.Is(err, unknown) || !strings.Contains(err.Error(), "Database.DSN") || tries != 1 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	logtest.Discard(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := await.For(ctx, server(time.Hour), func(context.Context) error {
		cancel()
		return errDown
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
