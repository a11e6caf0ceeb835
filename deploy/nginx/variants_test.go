package nginx_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"parley/e2e/servers/fixture"
)

// names are where upstreams are, which exist only in an installation, and what the nginx
// of some systems is too old for.
var names = regexp.MustCompile(`(server )\w+(:\d+)( resolve)?`)

// commented are the directives in listen.conf that only some installations need.
var commented = regexp.MustCompile(`(?m)^# {3}(\w+ .*;)$`)

func TestNginxTakesEveryVariantOfItsConfiguration(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	program, err := fixture.Find(t.Context(), "nginx", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string]string{
		"as it is":               {},
		"with HTTPS":             {"listen.conf": "listen-tls.conf"},
		"behind a load balancer": {},
		"docker compose":         {"upstreams.conf": "../compose/nginx/upstreams.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(".")); err != nil {
				t.Fatal(err)
			}
			for to, from := range files {
				copyFile(t, from, filepath.Join(folder, to))
			}
			upstreams := filepath.Join(folder, "upstreams.conf")
			text, err := os.ReadFile(upstreams)
			if err != nil {
				t.Fatal(err)
			}
			write(t, upstreams, names.ReplaceAll(text, []byte("${1}127.0.0.1$2")))
			if name == "behind a load balancer" {
				listen := filepath.Join(folder, "listen.conf")
				text, err := os.ReadFile(listen)
				if err != nil {
					t.Fatal(err)
				}
				told := commented.ReplaceAll(text, []byte("$1"))
				if bytes.Equal(told, text) {
					t.Error("listen.conf does not say how")
				}
				write(t, listen, told)
			}
			writeCertificate(t, filepath.Join(folder, "tls"))
			out, err := exec.CommandContext(t.Context(), program, "-t", "-e", "stderr",
				"-p", t.TempDir(), "-c", filepath.Join(folder, "nginx.conf")).CombinedOutput()
			if err != nil {
				t.Errorf("nginx refuses it: %v\n%s", err, out)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, text)
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeCertificate makes a certificate that nobody signed.
func writeCertificate(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"parley.example"}}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	write(t, filepath.Join(folder, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}
