package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"parley/pkg/traces"
)

// traced is a driver's connector whose connections make a span of each statement of
// a request that is traced. It stands between database/sql and the driver because all
// statements pass there, whoever makes them.
type traced struct {
	driver.Connector
	system string // as OpenTelemetry calls the engine
}

// Connect implements driver.Connector.
func (c traced) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	able, ok := conn.(ableConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver of the database cannot be traced"), conn.Close())
	}
	return tracedConn{able, c.system}, nil
}

// ableConn is what the connections of both drivers can do.
type ableConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type tracedConn struct {
	ableConn
	system string
}

var (
	_ driver.SessionResetter   = tracedConn{}
	_ driver.Validator         = tracedConn{}
	_ driver.NamedValueChecker = tracedConn{}
	_ driver.Pinger            = tracedConn{}
)

// ExecContext implements driver.ExecerContext.
func (c tracedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, span := statement(ctx, c.system, query)
	result, err := c.ableConn.ExecContext(ctx, query, args)
	span.End(failure(err))
	return result, err
}

// QueryContext implements driver.QueryerContext. The span ends with the answer; its
// rows may be read later.
func (c tracedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, span := statement(ctx, c.system, query)
	rows, err := c.ableConn.QueryContext(ctx, query, args)
	span.End(failure(err))
	return rows, err
}

// BeginTx implements driver.ConnBeginTx.
func (c tracedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	within, span := statement(ctx, c.system, "BEGIN")
	tx, err := c.ableConn.BeginTx(within, o)
	span.End(err)
	if err != nil || !trace.SpanFromContext(ctx).IsRecording() {
		return tx, err
	}
	return tracedTx{tx, ctx, c.system}, nil
}

// ResetSession implements driver.SessionResetter.
func (c tracedConn) ResetSession(ctx context.Context) error {
	if r, ok := c.ableConn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c tracedConn) IsValid() bool {
	if v, ok := c.ableConn.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

// Ping implements driver.Pinger.
func (c tracedConn) Ping(ctx context.Context) error {
	if p, ok := c.ableConn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c tracedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.ableConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// tracedTx is a transaction within a traced request, whose end is a statement too.
type tracedTx struct {
	driver.Tx
	ctx    context.Context
	system string
}

// Commit implements driver.Tx.
func (tx tracedTx) Commit() error {
	_, span := statement(tx.ctx, tx.system, "COMMIT")
	err := tx.Tx.Commit()
	span.End(err)
	return err
}

// Rollback implements driver.Tx.
func (tx tracedTx) Rollback() error {
	_, span := statement(tx.ctx, tx.system, "ROLLBACK")
	err := tx.Tx.Rollback()
	span.End(err)
	return err
}

// statement begins the span of a statement. Its text has placeholders where values
// are, which are not told.
func statement(ctx context.Context, system, query string) (context.Context, traces.Span) {
	ctx, span := traces.Start(ctx, trace.SpanKindClient, "SQL")
	if span.Recording() {
		span.SetName("SQL " + verb(query))
		span.Set(attribute.String("db.system.name", system), attribute.String("db.query.text", shortened(query)))
	}
	return ctx, span
}

// verb is the first word of a statement.
func verb(query string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.ToUpper(word)
}

// failure is err unless it means that the statement is tried in another way.
func failure(err error) error {
	if errors.Is(err, driver.ErrSkip) {
		return nil
	}
	return err
}

// dsnConnector opens connections of a driver that knows no connectors.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

// Connect implements driver.Connector.
func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver implements driver.Connector.
func (c dsnConnector) Driver() driver.Driver { return c.driver }
