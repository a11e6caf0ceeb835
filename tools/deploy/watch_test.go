package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// read returns a file of the repository.
func read(t *testing.T, name ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{repository}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	metricRow = regexp.MustCompile("(?m)^\\| `(parley_\\w+)` \\| (\\w+) \\|([^|]*)\\|")
	quoted    = regexp.MustCompile("`(\\w+)`")
)

// given are the labels that Prometheus gives to every series of ours.
var given = []string{"job", "target", "instance"}

// documented returns the series that docs/metrics.md promises, with their labels.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	series := make(map[string][]string)
	for _, row := range metricRow.FindAllStringSubmatch(string(read(t, "docs", "metrics.md")), -1) {
		name, kind, of := row[1], row[2], slices.Clone(given)
		for _, label := range quoted.FindAllStringSubmatch(row[3], -1) {
			of = append(of, label[1])
		}
		if kind != "histogram" {
			series[name] = of
			continue
		}
		series[name+"_sum"], series[name+"_count"] = of, of
		series[name+"_bucket"] = append(slices.Clone(of), "le")
	}
	if len(series) < 30 {
		t.Fatalf("docs/metrics.md has %d series only", len(series))
	}
	return series
}

// others returns whether a series is not ours to document.
func others(name string) bool {
	return name == "up" || name == "ALERTS" || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
}

// follows complains of what an expression asks for that there is not.
func follows(t *testing.T, where, expression string, series map[string][]string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(expression, "$__rate_interval", "1m"))
	if err != nil {
		t.Errorf("%s: %s: %v", where, expression, err)
		return
	}
	known := make(map[string]bool)
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok || others(selector.Name) {
			for _, label := range append(slices.Clone(given), "quantile", "alertstate") {
				known[label] = true
			}
			return nil
		}
		of, ok := series[selector.Name]
		if !ok {
			t.Errorf("%s asks for %s, which docs/metrics.md does not have", where, selector.Name)
		}
		for _, label := range of {
			known[label] = true
		}
		for _, matcher := range selector.LabelMatchers {
			if ok && matcher.Name != "__name__" && !slices.Contains(of, matcher.Name) {
				t.Errorf("%s asks for %s by %s, which it does not have", where, selector.Name, matcher.Name)
			}
		}
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if sum, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range sum.Grouping {
				if !known[label] {
					t.Errorf("%s groups by %s, which nothing in it has: %s", where, label, expression)
				}
			}
		}
		return nil
	})
}

// rule is one of alerts.yml.
type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	if err := yaml.Unmarshal(read(t, "deploy", "prometheus", "alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

func TestAlertsAskForWhatIsMeasured(t *testing.T) {
	t.Parallel()
	series := documented(t)
	for _, r := range rules(t) {
		if r.Record != "" {
			series[r.Record] = append(strings.Split(strings.SplitN(r.Record, ":", 2)[0], "_"), given...)
		}
	}
	for _, r := range rules(t) {
		follows(t, r.Alert+r.Record, r.Expr, series)
	}
}

// Who is woken at night finds out what to do.
func TestEveryAlertHasARunbookAndATest(t *testing.T) {
	t.Parallel()
	runbook := string(read(t, "docs", "alerts.md"))
	tests := string(read(t, "deploy", "prometheus", "alerts_test.yml"))
	alerts := make(map[string]bool)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		alerts[r.Alert] = true
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["runbook"] != "docs/alerts.md#"+strings.ToLower(r.Alert) {
			t.Errorf("%s has the annotations %v", r.Alert, r.Annotations)
		}
		if !strings.Contains(runbook, "\n## "+r.Alert+"\n") {
			t.Errorf("docs/alerts.md says nothing of %s", r.Alert)
		}
		if strings.Count(tests, "alertname: "+r.Alert+"\n") < 2 {
			t.Errorf("no test makes %s fire and keeps it quiet", r.Alert)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !alerts[heading[1]] {
			t.Errorf("docs/alerts.md speaks of %s, which is no alert", heading[1])
		}
	}
}

// What is gone altogether is missed only by name.
func TestTheAlertThatATargetIsDownNamesEveryTarget(t *testing.T) {
	t.Parallel()
	all := rules(t)
	at := slices.IndexFunc(all, func(r rule) bool { return r.Alert == "ParleyTargetDown" })
	if at < 0 {
		t.Fatal("there is no such alert")
	}
	var named []string
	for _, name := range regexp.MustCompile(`"target", "([\w-]+)"`).FindAllStringSubmatch(all[at].Expr, -1) {
		named = append(named, name[1])
	}
	if !slices.Equal(named, targets) {
		t.Errorf("it names %v, want %v", named, targets)
	}
}

// dashboard is what matters here of Grafana's.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
}

func TestDashboardsShowWhatIsMeasured(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(repository, "deploy", "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are the dashboards %v, %v", files, err)
	}
	series, uids := documented(t), make(map[string]string)
	var shown strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if other, taken := uids[d.UID]; taken || d.UID == "" {
			t.Errorf("%s has the uid %q, as %s", file, d.UID, other)
		}
		uids[d.UID] = file
		for _, a := range d.Annotations.List {
			follows(t, d.Title, a.Expr, series)
		}
		for _, v := range d.Templating.List {
			expression := regexp.MustCompile(`label_values\((.*), \w+\)`).ReplaceAllString(v.Definition, "$1")
			follows(t, d.Title+", variable "+v.Name, expression, series)
		}
		taken := make(map[string]string)
		for _, p := range d.Panels {
			where := fmt.Sprintf("%s, %s", d.Title, p.Title)
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := fmt.Sprint(p.GridPos.X+x, " ", p.GridPos.Y+y)
					if other := taken[at]; other != "" && other != where || p.GridPos.X+x >= 24 {
						t.Fatalf("%s lies over %q or outside", where, other)
					}
					taken[at] = where
				}
			}
			if p.Type != "row" && (len(p.Targets) == 0 || p.Datasource.UID != "prometheus") {
				t.Errorf("%s shows nothing", where)
			}
			for _, target := range p.Targets {
				follows(t, where, target.Expr, series)
				shown.WriteString(target.Expr)
			}
		}
	}
	for _, row := range metricRow.FindAllStringSubmatch(string(read(t, "docs", "metrics.md")), -1) {
		if !strings.Contains(shown.String(), row[1]) {
			t.Errorf("no dashboard shows %s", row[1])
		}
	}
}

// scrape is a job of Prometheus.
type scrape struct {
	Name string `json:"job_name"`
	Path string `json:"metrics_path"`
	DNS  []struct {
		Names []string
		Port  int
	} `json:"dns_sd_configs"`
	Static []struct {
		Targets []string
	} `json:"static_configs"`
	Pods []struct {
		Namespaces struct{ Names []string }
		Selectors  []struct{ Label string }
	} `json:"kubernetes_sd_configs"`
}

func scrapes(t *testing.T, file string) []scrape {
	t.Helper()
	var config struct {
		Scrapes []scrape `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal(read(t, "deploy", "prometheus", file), &config); err != nil {
		t.Fatal(err)
	}
	return config.Scrapes
}

// What is not Parley and without which nobody comes in, or nothing can be started.
func TestPrometheusAsksNginxAndEtcd(t *testing.T) {
	t.Parallel()
	p, c := project(t), example(t)
	asked := func(file string) map[string]scrape {
		jobs := make(map[string]scrape)
		for _, s := range scrapes(t, file) {
			jobs[s.Name] = s
			for _, pods := range s.Pods {
				if !slices.Equal(pods.Namespaces.Names, []string{"parley"}) {
					t.Errorf("%s looks for pods in %v, where the example does not let it", file, pods.Namespaces.Names)
				}
			}
		}
		if jobs["nginx"].Path != "/ping" {
			t.Errorf("%s asks nginx for %q, want /ping", file, jobs["nginx"].Path)
		}
		return jobs
	}
	for name, s := range asked("prometheus.yml") {
		for _, static := range s.Static {
			if host, _, _ := strings.Cut(static.Targets[0], ":"); host != name || p.Services[host].Name == "" {
				t.Errorf("the job %s asks %v, which compose does not have", name, static.Targets)
			}
		}
	}
	jobs, etcd := asked("kubernetes.yml"), c.sets["etcd"]
	var members []string
	for i := range *etcd.Spec.Replicas {
		members = append(members, fmt.Sprintf("etcd-%d.%s.parley:%d", i, etcd.Spec.ServiceName, port(etcd.Spec.Template.Spec.Containers[0], "metrics")))
	}
	if got := jobs["etcd"].Static[0].Targets; !slices.Equal(got, members) {
		t.Errorf("Prometheus asks the members %v of etcd, want %v", got, members)
	}
	for _, name := range []string{"nginx", "parley"} {
		if got, want := jobs[name].Pods[0].Selectors[0].Label, "app.kubernetes.io/name="+name; got != want {
			t.Errorf("the job %s asks the pods with %s, want %s", name, got, want)
		}
	}
	subject := c.bindings["prometheus"].Subjects[0]
	if subject.Namespace != "monitoring" || subject.Kind != "ServiceAccount" {
		t.Errorf("%v may look for pods, and not Prometheus in its namespace", subject)
	}
}

// Prometheus reads the processes that there are.
func TestPrometheusReadsEveryTarget(t *testing.T) {
	t.Parallel()
	read := make(map[string]bool)
	for _, scrape := range scrapes(t, "prometheus.yml") {
		for _, dns := range scrape.DNS {
			for _, name := range dns.Names {
				read[name] = dns.Port == 6060
			}
		}
	}
	if got := slices.Sorted(maps.Keys(read)); !slices.Equal(got, slices.Sorted(slices.Values(targets))) || slices.Contains(slices.Collect(maps.Values(read)), false) {
		t.Errorf("Prometheus reads %v, want %v at port 6060", read, targets)
	}
}
