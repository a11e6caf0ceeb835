package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeConfig writes the configuration of a Parley on one of our databases and
// returns its file. What it does not name is as in production.
func (b *bench) writeConfig(folder, database string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for parley: %w", err)
	}
	text := fmt.Sprintf("Database:\n  DSN: %q\nRedis:\n  Addrs: [%q]\n", b.mariadb.DSN(database), b.redis.Addr)
	path := filepath.Join(folder, "parley.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("configure parley: %w", err)
	}
	return path, nil
}
