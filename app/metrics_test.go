package app

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"parley/pkg/metrics"
)

var update = flag.Bool("update", false, "write documents that are made from the code")

// metricsDocument is where operators read what is measured.
const metricsDocument = "../docs/metrics.md"

const metricsPreface = `# Metrics

<!-- Made by: go test -tags no_k8s ./app -run TestTheMetricsAreDocumented -update -->

Every process has these at ` + "`/metrics`" + ` on its operations port, beside ` + "`go_*` and `process_*`" + `; those of parts
that are not in it stay at 0 or are left out. Names, labels and what they mean stay as they are: dashboards and alerts rely
on them. Units are seconds and bytes. A histogram has the series ` + "`_bucket`, `_sum` and `_count`" + `.

| metric | type | labels | what it is |
|---|---|---|---|
`

func TestTheMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(metricsPreface)
	for _, d := range metrics.Descriptions() {
		labels := make([]string, len(d.Labels))
		for i, l := range d.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Type, strings.Join(labels, ", "), d.Help)
	}
	if *update {
		if err := os.WriteFile(metricsDocument, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(metricsDocument)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != b.String() {
		t.Errorf("docs/metrics.md is not what the code measures; run: go test -tags no_k8s ./app -run %s -update", t.Name())
	}
}

func TestNamesOfMetricsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, d := range metrics.Descriptions() {
		if !strings.HasPrefix(d.Name, "parley_") || !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s is explained as %q; want the prefix parley_ and sentences", d.Name, d.Help)
		}
		if (d.Type == "counter") != strings.HasSuffix(d.Name, "_total") {
			t.Errorf("%s is a %s: counters, and nothing else, end in _total", d.Name, d.Type)
		}
		if strings.Contains(d.Help, "|") {
			t.Errorf("the explanation of %s does not fit into a table", d.Name)
		}
	}
}
