package tlsx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/pkg/tlsx"
	"parley/pkg/tlsx/tlstest"
)

func TestWithoutTLSThereIsNothing(t *testing.T) {
	t.Parallel()
	if got, err := tlsx.Load("Redis", tlsx.ClientConfig{}); got != nil || err != nil {
		t.Errorf("it is %v, error %v", got, err)
	}
}

func TestWithoutFilesTheSystemSaysWhomToTrust(t *testing.T) {
	t.Parallel()
	got, err := tlsx.Load("Redis", tlsx.ClientConfig{TLS: true})
	if err != nil || got.RootCAs != nil || got.Certificates != nil || got.InsecureSkipVerify {
		t.Errorf("it is %+v, error %v", got, err)
	}
}

func TestMistakesAreNamedWithTheirKey(t *testing.T) {
	t.Parallel()
	a := tlstest.New(t)
	cert, key := a.Issue(t, "client")
	_, otherKey := a.Issue(t, "other")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		config tlsx.ClientConfig
		want   string
	}{
		"authorities without TLS":         {tlsx.ClientConfig{CAFile: a.CAFile}, "Redis.TLS is false and must be true"},
		"a certificate without TLS":       {tlsx.ClientConfig{CertFile: cert, KeyFile: key}, "Redis.TLS is false and must be true"},
		"authorities that are not there":  {tlsx.ClientConfig{TLS: true, CAFile: "no/such"}, "Redis.CAFile: open no/such"},
		"authorities that are none":       {tlsx.ClientConfig{TLS: true, CAFile: text}, "Redis.CAFile: " + text + " holds no certificate"},
		"a certificate without a key":     {tlsx.ClientConfig{TLS: true, CertFile: cert}, "Redis.CertFile is \"" + cert + "\" and must be set together with KeyFile"},
		"a key without a certificate":     {tlsx.ClientConfig{TLS: true, KeyFile: key}, "Redis.CertFile is \"\" and must be set together with KeyFile"},
		"a certificate that is not there": {tlsx.ClientConfig{TLS: true, CertFile: "no/such", KeyFile: key}, "Redis.CertFile: open no/such"},
		"a key that is not there":         {tlsx.ClientConfig{TLS: true, CertFile: cert, KeyFile: "no/such"}, "Redis.KeyFile: open no/such"},
		"a certificate that is none":      {tlsx.ClientConfig{TLS: true, CertFile: text, KeyFile: key}, "Redis.CertFile " + text},
		"a key that is none":              {tlsx.ClientConfig{TLS: true, CertFile: cert, KeyFile: text}, "KeyFile " + text},
		"the key of another":              {tlsx.ClientConfig{TLS: true, CertFile: cert, KeyFile: otherKey}, "does not match"},
	} {
		if got, err := tlsx.Load("Redis", row.config); err == nil || got != nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, row.want)
		}
	}
}
