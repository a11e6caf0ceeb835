package bind

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zeromicro/go-zero/core/mapping"
)

// An exception for a field that is not in the contracts would do nothing, and
// nobody would notice.
func TestEveryExceptionNamesAFieldOfTheContracts(t *testing.T) {
	t.Parallel()
	contracts := readContracts(t)
	all := strings.Join(slices.Collect(maps.Values(contracts)), "\n")
	for typeName, fields := range exceptions {
		for field, e := range fields {
			switch {
			case e.stream:
				if _, ok := contracts[typeName]; !ok {
					t.Errorf("no contract has a type %s", typeName)
				}
			case typeName == anyRequest:
				if !strings.Contains(all, `json:"`+field) {
					t.Errorf("no contract has a field %s", field)
				}
			case !regexp.MustCompile(`(json|form):"` + field + `[",]`).MatchString(contracts[typeName]):
				t.Errorf("no contract has a field %s in a type %s", field, typeName)
			}
		}
	}
}

// readContracts returns the text of every type in the contracts.
func readContracts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../api/*.api")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d contracts, error %v", len(files), err)
	}
	declaration := regexp.MustCompile(`(?m)^\s*(?:type\s+)?(\w+)\s+\{([^}]*)\}`)
	types := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
			types[match[1]] = match[2]
		}
	}
	return types
}

// tagged has every form of the tag language that bind supports.
type tagged struct {
	Required int64    `json:"required"`
	Optional string   `json:"optional,optional"`
	Piped    string   `json:"piped,optional,options=a|b"`
	Listed   string   `json:"listed,optional,options=[a,b]"`
	Number   int32    `json:"number,optional,options=1|2"`
	Closed   int64    `json:"closed,optional,range=[1:10]"`
	Open     int64    `json:"open,optional,range=(1:10)"`
	Below    float64  `json:"below,optional,range=[:10)"`
	Above    uint16   `json:"above,optional,range=[5:]"`
	Default  string   `json:"default,default=x"`
	Seven    int      `json:"seven,default=7"`
	Page     int64    `json:"page,default=100,range=[1:1000]"`
	Flag     bool     `json:"flag,optional"`
	List     []string `json:"list,optional"`
}

// The tags are go-zero's language: what its mapping package accepts, refuses
// and makes of them, bind does too.
func TestTagsMeanWhatGoZeroMeans(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `{"required":1}`, `{"required":0}`, `{"required":null}`, `{"required":"1"}`, `{"required":1.5}`, `{"required":true}`,
		`{"required":9223372036854775807}`, `{"required":9223372036854775808}`,
		`{"required":1,"optional":""}`, `{"required":1,"optional":null}`, `{"required":1,"optional":1}`,
		`{"required":1,"piped":"a"}`, `{"required":1,"piped":"c"}`, `{"required":1,"piped":""}`,
		`{"required":1,"listed":"b"}`, `{"required":1,"listed":"a,b"}`,
		`{"required":1,"number":2}`, `{"required":1,"number":3}`, `{"required":1,"number":5000000000}`,
		`{"required":1,"closed":1}`, `{"required":1,"closed":10}`, `{"required":1,"closed":0}`, `{"required":1,"closed":11}`,
		`{"required":1,"open":2}`, `{"required":1,"open":1}`, `{"required":1,"open":10}`,
		`{"required":1,"below":9.9}`, `{"required":1,"below":10}`, `{"required":1,"below":-1e9}`,
		`{"required":1,"above":5}`, `{"required":1,"above":4}`, `{"required":1,"above":70000}`, `{"required":1,"above":-1}`,
		`{"required":1,"default":"y","seven":8}`,
		`{"required":1,"page":1}`, `{"required":1,"page":0}`, `{"required":1,"page":1001}`,
		`{"required":1,"flag":true}`, `{"required":1,"flag":false}`, `{"required":1,"flag":1}`,
		`{"required":1,"list":["a"]}`, `{"required":1,"list":[]}`, `{"required":1,"list":"a"}`,
		`{"Required":1}`, `{"required":1,"OPTIONAL":"x"}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			var want, got tagged
			wantErr := mapping.UnmarshalJsonBytes([]byte(body), &want)
			p, err := planOf(reflect.TypeFor[tagged]())
			if err != nil {
				t.Fatal(err)
			}
			gotErr := p.bindJSON(reflect.ValueOf(&got).Elem(), []byte(body))
			if (wantErr == nil) != (gotErr == nil) {
				t.Fatalf("error %v, go-zero's %v", gotErr, wantErr)
			}
			if wantErr == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("bound %+v, go-zero %+v", got, want)
			}
		})
	}
}
