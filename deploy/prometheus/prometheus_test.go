package prometheus_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"parley/e2e/servers/fixture"
)

var (
	// inCluster is how pods are found. The promtool of some systems is built without it.
	inCluster = regexp.MustCompile(`(?s)kubernetes_sd_configs:\n.*?(\n +relabel_configs:)`)
	// fallback is what only Prometheus 3 knows, and older ones do by themselves.
	fallback = regexp.MustCompile(`(?m)^ +fallback_scrape_protocol:.*\n`)
)

func TestPromtoolAcceptsTheConfigurationsAndTheTestsOfAlertsPass(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	promtool, err := fixture.Find(t.Context(), "promtool", "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(t.Context(), promtool, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("promtool --version: %v\n%s", err, version)
	}
	for _, name := range []string{"prometheus.yml", "kubernetes.yml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = inCluster.ReplaceAll(text, []byte("static_configs: [{targets: [\"a:6060\"]}]$1"))
		if bytes.Contains(version, []byte("version 2.")) {
			text = fallback.ReplaceAll(text, nil)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"check", "config", "prometheus.yml"},
		{"check", "config", "kubernetes.yml"},
		{"test", "rules", "alerts_test.yml"},
	} {
		check := exec.CommandContext(t.Context(), promtool, args...)
		check.Dir = folder
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
