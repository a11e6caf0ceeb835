// Package tlstest makes certificates for tests, signed by an authority that only they
// know.
package tlstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/pkg/tlsx"
)

// Authority signs certificates, for as long as its test runs.
type Authority struct {
	// CAFile is its own certificate.
	CAFile string

	folder      string
	certificate *x509.Certificate
	key         crypto.Signer
}

// New returns an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{folder: t.TempDir(), key: newKey(t)}
	about := template("an authority")
	about.IsCA, about.BasicConstraintsValid, about.KeyUsage = true, true, x509.KeyUsageCertSign
	a.certificate = about
	a.CAFile, a.certificate = a.sign(t, about, a.key)
	return a
}

// Issue makes a certificate, and its key, for servers on the loopback address and for
// clients.
func (a *Authority) Issue(t testing.TB, name string) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	about := template(name)
	about.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	about.KeyUsage = x509.KeyUsageDigitalSignature
	about.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	certFile, _ = a.sign(t, about, key)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return certFile, a.write(t, name+".key", "PRIVATE KEY", secret)
}

// Client is the keys of a configuration that trusts the authority.
func (a *Authority) Client() tlsx.ClientConfig {
	return tlsx.ClientConfig{TLS: true, CAFile: a.CAFile}
}

// Certified is Client with a certificate from the authority.
func (a *Authority) Certified(t testing.TB) tlsx.ClientConfig {
	t.Helper()
	c := a.Client()
	c.CertFile, c.KeyFile = a.Issue(t, "client")
	return c
}

// Server is for a server within the test that demands certificates of its clients.
func (a *Authority) Server(t testing.TB) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.Issue(t, "server"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text())),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
	}
}

// sign writes what about says of key, signed by the authority.
func (a *Authority) sign(t testing.TB, about *x509.Certificate, key crypto.Signer) (string, *x509.Certificate) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, about, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, about.Subject.CommonName+".crt", "CERTIFICATE", der), certificate
}

func (a *Authority) write(t testing.TB, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(a.folder, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
