package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/pkg/sqldb"
)

func TestTheSecretForDevelopmentIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	c := local(t)
	if err := os.Mkdir(c.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for range 2 {
		issuer, err := (&App{config: c}).issuer()
		if err != nil || issuer == nil {
			t.Fatalf("the issuer is %v (%v)", issuer, err)
		}
		ticket, err := issuer.Ticket("ann", 7)
		if err != nil || ticket.AppID != developmentApp || ticket.UserSig == "" || ticket.PrivateMapKey == "" {
			t.Errorf("the ticket is for application %d (%v)", ticket.AppID, err)
		}
		text, err := os.ReadFile(filepath.Join(c.Data, developmentSecret))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(text))
	}
	if keys[0] != keys[1] || len(strings.TrimSpace(keys[0])) < 32 {
		t.Error("the secret changed, or is short")
	}
	info, err := os.Stat(filepath.Join(c.Data, developmentSecret))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file has the mode %v (%v)", info.Mode(), err)
	}
}

// An empty secret would sign without an error.
func TestWithAServerAndNoSecretThereAreNoTickets(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*App{
		"a server in the configuration": {config: Config{Database: sqldb.Config{DSN: "parley@tcp(mysql)/parley"}}},
		"a database of others":          {options: Options{Backends: Backends{DB: new(sqldb.DB)}}},
	} {
		if issuer, err := a.issuer(); issuer != nil || err != nil {
			t.Errorf("%s: the issuer is %v (%v)", name, issuer, err)
		}
	}
	empty := write(t, " \n")
	c := CallConfig{AppID: 5, SecretFile: empty}
	if _, err := (&App{config: Config{Call: c}}).issuer(); err == nil || !strings.Contains(err.Error(), "Call.SecretFile") {
		t.Errorf("with an empty file: %v", err)
	}
}
