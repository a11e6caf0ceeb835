package prometheus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"parley/e2e/servers/fixture"
)

// inCluster is how pods are found. The promtool of some systems is built without it.
var inCluster = regexp.MustCompile(`(?s)kubernetes_sd_configs:\n.*?(\n +relabel_configs:)`)

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
	text, err := os.ReadFile("kubernetes.yml")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := inCluster.ReplaceAll(text, []byte("static_configs: [{targets: [\"a:6060\"]}]$1"))
	if err := os.WriteFile(filepath.Join(folder, "kubernetes.yml"), elsewhere, 0o600); err != nil {
		t.Fatal(err)
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
