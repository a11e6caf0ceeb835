package main

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zeromicro/go-zero/tools/goctl/api/docgen"
)

// The contracts are right when goctl makes the documented Markdown of them.
// Two habits of goctl are evened out first: it writes for HTML, escaping < and
// >, and it sorts and numbers the routes of each service by itself. So a
// section is found by its url, and its number is that of the document.
func TestContractsGiveTheDocumentedRoutes(t *testing.T) {
	t.Parallel()

	documented := sections(t, "../../api/routes.md")
	if len(documented) != 40 {
		t.Fatalf("routes.md has %d sections, want 40", len(documented))
	}
	generated := map[string]string{}
	for _, s := range goctlDocument(t) {
		generated[url(s)] = s
	}
	for i, want := range documented {
		got, ok := generated[url(want)]
		if !ok {
			t.Errorf("section %d: no contract has %s", i+1, url(want))
			continue
		}
		if number := heading.FindString(want); heading.ReplaceAllString(got, number) != want {
			t.Errorf("section %d differs: the contract gives\n%s\nwant\n%s", i+1, got, want)
		}
		delete(generated, url(want))
	}
	for u := range generated {
		if !slices.Contains(ours, u) {
			t.Errorf("%s has a contract but is neither documented nor one of ours", u)
		}
	}
}

// ours are the routes beside those of the document.
var ours = []string{
	"/group/app/application-list",
	"/group/app/answer-application",
}

var (
	heading = regexp.MustCompile(`(?m)^### \d+\. `)
	urlLine = regexp.MustCompile(`(?m)^- Url: (.*)$`)
)

func url(section string) string {
	return urlLine.FindStringSubmatch(section)[1]
}

// goctlDocument is what `goctl api doc` says about the three services.
func goctlDocument(t *testing.T) []string {
	t.Helper()
	out := t.TempDir()
	docgen.VarStringDir, docgen.VarStringOutput = "../../api", out
	if err := docgen.DocCommand(nil, nil); err != nil {
		t.Fatalf("run goctl api doc: %v", err)
	}
	var all []string
	for _, g := range gateways {
		name := strings.TrimSuffix(filepath.Base(g.contract), ".api") + ".md"
		all = append(all, sections(t, filepath.Join(out, name))...)
	}
	for i := range all {
		all[i] = html.UnescapeString(all[i])
	}
	return all
}

// sections cuts a document at its headings.
func sections(t *testing.T, name string) []string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	starts := heading.FindAllStringIndex(text, -1)
	var list []string
	for i, s := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		list = append(list, text[s[0]:end])
	}
	return list
}
