package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEveryCodeHasWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	for code, r := range table {
		if r.chinese == "" || r.english == "" {
			t.Errorf("code %d has the words %q and %q", code, r.chinese, r.english)
		}
		if code.Text(false) != r.chinese || code.Text(true) != r.english || !code.Known() {
			t.Errorf("code %d does not give its words", code)
		}
	}
	if Code(-1).Known() {
		t.Error("-1 is known as a code of the API")
	}
}

// The breaker of zrpc takes these for failures of the service, and business
// errors must not open it. Busy is one.
func TestBusinessErrorsAreNoFailuresOfTheService(t *testing.T) {
	t.Parallel()
	failures := map[codes.Code]bool{
		codes.Internal: true, codes.Unavailable: true, codes.DeadlineExceeded: true,
		codes.ResourceExhausted: true, codes.Unimplemented: true, codes.DataLoss: true, codes.Unknown: true,
	}
	for code, r := range table {
		if failures[r.status] != (code == Busy) {
			t.Errorf("code %d travels as %s", code, r.status)
		}
	}
	if got := status.Code(Status(Overloaded)); failures[got] {
		t.Errorf("an overload travels as %s", got)
	}
	if got := status.Code(Status(fmt.Errorf("ask: %w", theirs{}))); failures[got] {
		t.Errorf("the failure of somebody else travels as %s", got)
	}
	if got := Of(Status(theirs{})); got.Code != Busy || got.Overloaded {
		t.Errorf("the failure of somebody else arrives as %+v", got)
	}
}

// theirs is the failure of somebody else.
type theirs struct{}

func (theirs) Error() string { return "theirs" }

func (theirs) Foreign() bool { return true }

func TestACodedErrorSurvivesGRPC(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		NotMember,
		Invalid("count", "must be at most %d", 100),
		Overloaded,
		&Error{Code: ReconnectRefused, Data: []byte(`{"code":-1016}`)},
		Wrap(NotFound, errors.New("the cause stays here")),
		fmt.Errorf("look up the group: %w", NoSuchGroup),
	} {
		want := Of(err)
		got := Of(Status(err))
		if got.Code != want.Code || got.Detail != want.Detail || string(got.Data) != string(want.Data) || got.Overloaded != want.Overloaded {
			t.Errorf("%v arrives as %+v", err, got)
		}
		if !errors.Is(got, want.Code) {
			t.Errorf("%v is not recognised by its code", got)
		}
	}
}

func TestTheCauseOfAFailureStaysInside(t *testing.T) {
	t.Parallel()
	cause := errors.New("connect to 10.0.0.1: password wrong")
	st := status.Convert(Status(cause))
	if st.Code() != codes.Internal || st.Message() != Busy.Error() {
		t.Errorf("a failure leaves the service as %v", st)
	}
	if got := Of(cause); got.Code != Busy || !errors.Is(got, cause) {
		t.Errorf("a failure is %v inside", got)
	}
}

func TestContextErrorsStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]codes.Code{
		context.Canceled:         codes.Canceled,
		context.DeadlineExceeded: codes.DeadlineExceeded,
	} {
		if got := status.Code(Status(fmt.Errorf("wait: %w", err))); got != want {
			t.Errorf("%v travels as %s", err, got)
		}
	}
}

func TestWhatAnOperatorShouldHearOf(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, NotFound, Overloaded, Invalid("a", "is missing"), Status(errors.New("logged where it happened"))} {
		if !Expected(err) {
			t.Errorf("%v would be logged as a failure", err)
		}
	}
	for _, err := range []error{Busy, errors.New("disk full"), Wrap(Busy, errors.New("disk full"))} {
		if Expected(err) {
			t.Errorf("%v would not be logged", err)
		}
	}
}
