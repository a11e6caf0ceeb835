package sqldb_test

import (
	"strings"
	"testing"

	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
	"parley/pkg/tlsx"
	"parley/pkg/tlsx/tlstest"
)

func TestOverTLSBothSidesShowACertificate(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	cert, key := authority.Issue(t, "server")
	server := startMariaDB(t, "--ssl-ca="+authority.CAFile, "--ssl-cert="+cert, "--ssl-key="+key)
	config := func(secured tlsx.ClientConfig) sqldb.Config {
		return sqldb.Config{DSN: server.DefaultDSN(), ClientConfig: secured}
	}
	plain := sqldbtest.Open(t, config(tlsx.ClientConfig{}), "")
	if _, err := plain.WriterSQL().Exec("ALTER USER parley@'%' REQUIRE X509"); err != nil {
		t.Fatal(err)
	}

	db := sqldbtest.Open(t, config(authority.Certified(t)), "")
	var variable, cipher string
	if err := db.ReaderSQL().QueryRow("SHOW STATUS LIKE 'Ssl_cipher'").Scan(&variable, &cipher); err != nil || cipher == "" {
		t.Errorf("the connection is encrypted with %q, error %v", cipher, err)
	}

	wrong := authority.Certified(t)
	wrong.CAFile = tlstest.New(t).CAFile
	for _, c := range []struct {
		who     string
		secured tlsx.ClientConfig
		want    string
	}{
		{"a server of another authority", wrong, "is not trusted"},
		{"a client without a certificate", authority.Client(), "Access denied"},
		{"a client without TLS", tlsx.ClientConfig{}, "Access denied"},
	} {
		_, err := sqldb.Open(t.Context(), config(c.secured), "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s gave the error %v, want %q in it", c.who, err, c.want)
		}
	}
}

func TestTLSIsConfiguredInOnePlace(t *testing.T) {
	t.Parallel()
	secured := tlsx.ClientConfig{TLS: true}
	const dsn = "parley@tcp(db:3306)/parley"
	for _, c := range []struct {
		dsn     string
		secured tlsx.ClientConfig
		want    string // "" if it is allowed
	}{
		{dsn, tlsx.ClientConfig{}, ""},
		{dsn, secured, ""},
		{dsn + "?tls=true", tlsx.ClientConfig{}, ""},
		{dsn + "?tls=skip-verify", tlsx.ClientConfig{}, ""},
		{dsn + "?tls=preferred", tlsx.ClientConfig{}, ""},
		{dsn + "?tls=true", secured, "Database.DSN has tls"},
		{dsn + "?tls=false", secured, "Database.DSN has tls"},
		{dsn + "?tls=preferred", secured, "Database.DSN has tls"},
		{dsn + "?allowFallbackToPlaintext=true", secured, "Database.DSN has tls or allowFallbackToPlaintext"},
		{dsn + "?tls=true", tlsx.ClientConfig{CAFile: "ca.pem"}, "Database.TLS is false and must be true where CAFile"},
	} {
		err := sqldb.Config{DSN: c.dsn, ClientConfig: c.secured}.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %+v gives the error %v, want %q", c.dsn, c.secured, err, c.want)
		}
	}
}
