// Package tlsx reads how connections to a server are encrypted. Every section of the
// configuration that has such a server has the same keys for it.
package tlsx

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientConfig is the keys of a section, which embeds it.
type ClientConfig struct {
	// TLS encrypts the connections and checks the server's certificate.
	// Default false.
	TLS bool `yaml:"TLS"`
	// CAFile names a PEM file with the authorities that may have signed the
	// server's certificate. Empty means those of the system.
	CAFile string `yaml:"CAFile"`
	// CertFile names a PEM file with the certificate that a server is shown
	// which asks for one, and then those that lead to its authority. Empty
	// means none.
	CertFile string `yaml:"CertFile"`
	// KeyFile names a PEM file with the private key of that certificate.
	KeyFile string `yaml:"KeyFile"`
}

// Load reads the files of a section and returns what its connections need, or nil
// without TLS. The name to check is that of the address, which clients fill in. An
// error names the key.
func Load(section string, c ClientConfig) (*tls.Config, error) {
	if !c.TLS {
		if c != (ClientConfig{}) {
			return nil, fmt.Errorf("%s.TLS is false and must be true where CAFile, CertFile or KeyFile is set", section)
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		authorities, err := read(section+".CAFile", c.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("%s.CAFile: %s holds no certificate", section, c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, fmt.Errorf("%s.CertFile is %q and must be set together with KeyFile, which is %q", section, c.CertFile, c.KeyFile)
	}
	if c.CertFile == "" {
		return config, nil
	}
	certificate, err := read(section+".CertFile", c.CertFile)
	if err != nil {
		return nil, err
	}
	private, err := read(section+".KeyFile", c.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		return nil, fmt.Errorf("%s.CertFile %s and KeyFile %s: %w", section, c.CertFile, c.KeyFile, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func read(key, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return text, nil
}
