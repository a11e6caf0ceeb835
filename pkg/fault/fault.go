// Package fault has the coded errors of the public API and their way through
// gRPC. A rule returns a Code, or an Error where there is more to say; a
// gateway turns whatever it got into the envelope with Of. An error without a
// code is Busy (-1000) to clients, and its cause is for the log only.
package fault

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	faultv1 "parley/api/proto/fault/v1"
)

// Error is a Code with what is known beside it.
type Error struct {
	Code Code
	// Detail says in English what was wrong, such as the field at fault. It
	// is shown to clients; it must not hold a secret or a message body.
	Detail string
	// Data is the JSON for the "data" of the envelope, or nil.
	Data []byte
	// Overloaded marks a request that was fine but came when the queues
	// were full. It may be sent again as it is.
	Overloaded bool

	cause error
	// logged is set on what came from another service, which has logged it.
	logged bool
}

// Overloaded is the answer of a full queue: Busy, with HTTP status 503.
var Overloaded = &Error{Code: Busy, Overloaded: true}

// Error joins the words of the code, the detail and the cause, for the log.
func (e *Error) Error() string {
	s := e.Code.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause, or the code, so that errors.Is finds both.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.cause}
}

// Invalid is BadRequest with the field at fault and its rule.
func Invalid(field, rule string, args ...any) error {
	return &Error{Code: BadRequest, Detail: field + " " + fmt.Sprintf(rule, args...)}
}

// Wrap gives code to cause. The cause reaches the log, not the client.
func Wrap(code Code, cause error) error { return &Error{Code: code, cause: cause} }

// Of finds the coded error in err. It understands codes, Errors and gRPC
// statuses; everything else is Busy with err as the cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Code
	if errors.As(err, &c) {
		return &Error{Code: c}
	}
	if st, ok := status.FromError(err); ok {
		for _, d := range st.Details() {
			if p, ok := d.(*faultv1.Fault); ok {
				return FromProto(p)
			}
		}
	}
	return &Error{Code: Busy, cause: err}
}

// Expected reports whether err is an answer that the API defines rather than
// a failure that an operator should hear of. A failure that came from another
// service counts as expected: that one has told of it, with the cause.
func Expected(err error) bool {
	e := Of(err)
	return e == nil || e.Code != Busy || e.Overloaded || e.logged
}

// Proto returns e as the message that carries it between services.
func (e *Error) Proto() *faultv1.Fault {
	return &faultv1.Fault{Code: int32(e.Code), Detail: e.Detail, Data: e.Data, Overloaded: e.Overloaded}
}

// FromProto is the inverse of Proto. The cause stays where it happened.
func FromProto(p *faultv1.Fault) *Error {
	return &Error{Code: Code(p.GetCode()), Detail: p.GetDetail(), Data: p.GetData(), Overloaded: p.GetOverloaded(), logged: true}
}

// foreign is the failure of somebody whom a service depends on and its callers do
// not: they must not hold it against the service, as zrpc's breaker would.
type foreign interface{ Foreign() bool }

// Status returns err as the gRPC error that carries its code. Context errors
// and gRPC statuses pass as they are; an error without a code becomes Internal
// without its words, which stay in the log of the service.
func Status(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	e := Of(err)
	code := table[e.Code].status
	var theirs foreign
	if e.Overloaded || errors.As(err, &theirs) && theirs.Foreign() {
		code = codes.Aborted
	}
	st, detailErr := status.New(code, e.Code.Error()).WithDetails(e.Proto())
	if detailErr != nil {
		return status.Error(code, e.Code.Error())
	}
	return st.Err()
}
