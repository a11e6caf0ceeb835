package app

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/pkg/gateway"
)

// write puts text into a file and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryKeyHasADefaultAndAnExplanation(t *testing.T) {
	t.Parallel()
	var document yaml.Node
	if err := yaml.Unmarshal(reference, &document); err != nil {
		t.Fatal(err)
	}
	written := make(map[string]bool)
	var walk func(path string, node *yaml.Node)
	walk = func(path string, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			written[path] = true
			return
		}
		for i := 0; i < len(node.Content); i += 2 {
			name := node.Content[i]
			below := strings.TrimPrefix(path+"."+name.Value, ".")
			// Group and Oss refer to App, a user to its password.
			sameAsRecord := below == "Call.Listen" || below == "Call.Advertise" || below == "OssService.Listen" || below == "OssService.Advertise"
			sameAsApp := path == "Group" || path == "Oss" && below != "Oss.Scratch" && below != "Oss.ScratchSize"
			if section := node.Content[i+1].Kind == yaml.MappingNode; !section && name.HeadComment == "" && !sameAsApp && path != "GroupService" && !sameAsRecord && below != "Registry.User" {
				t.Errorf("%s has no explanation in config.yaml", below)
			}
			walk(below, node.Content[i+1])
		}
	}
	walk("", document.Content[0])
	c := Default()
	for _, k := range c.keys() {
		if !written[k.path] {
			t.Errorf("%s is not in config.yaml", k.path)
		}
		delete(written, k.path)
	}
	for path := range written {
		t.Errorf("%s is in config.yaml and nowhere else", path)
	}
}

func TestTheDefaultsAreThoseOfThePackages(t *testing.T) {
	t.Parallel()
	c := Default()
	if errs := c.check(); len(errs) > 0 {
		t.Errorf("the defaults are not allowed: %v", errs)
	}
	want := gateway.Config{}.WithDefaults()
	got := c.App.gateway(want.Name)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the app gateway has %+v by default, package gateway %+v", got, want)
	}
}

func TestAFileAndTheEnvironmentChangeTheDefaults(t *testing.T) {
	t.Parallel()
	file := write(t, "# a comment\nStop: {Grace: 3s}\nRedis:\n  Addrs: [a:1, b:2]\n  PoolSize: 4\n  TLS: true\nTrace: {Sample: 0.5}\nDatabase:\nLog:\n  Level: error\n")
	environment := map[string]string{"PARLEY_LOG_LEVEL": "debug", "PARLEY_RECORD_ENDPOINTS": "c:3, d:4", "PARLEY_TOKEN_WINDOW": "5s"}
	got, err := Load(file, environment)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Stop.Grace = 3 * time.Second
	want.Redis.Addrs, want.Redis.PoolSize, want.Redis.TLS = []string{"a:1", "b:2"}, 4, true
	want.Trace.Sample = 0.5
	want.Log.Level = "debug"
	want.Record.Endpoints = []string{"c:3", "d:4"}
	want.Token.Window = 5 * time.Second
	if !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %+v\nwant %+v", got, want)
	}
}

const oneApp = `[{AppID: dtalk, Quota: 5, Providers: [{Type: minio, Endpoint: "http://m:9000", Bucket: b, AccessKeyID: i, AccessKeySecret: s, TokenLife: 20m}, {Type: huaweiyun, Endpoint: "https://o", Bucket: b, AccessKeyID: i, AccessKeySecret: s}]}]`

func TestAListWhoseEntriesHaveKeys(t *testing.T) {
	t.Parallel()
	want := []OssAppConfig{{AppID: "dtalk", Quota: 5, Providers: []OssProviderConfig{
		{Type: "minio", Endpoint: "http://m:9000", Bucket: "b", AccessKeyID: "i", AccessKeySecret: "s", TokenLife: 20 * time.Minute},
		{Type: "huaweiyun", Endpoint: "https://o", Bucket: "b", AccessKeyID: "i", AccessKeySecret: "s"},
	}}}
	fromFile, err := Load(write(t, "OssService: {Apps: "+oneApp+"}"), nil)
	if err != nil || !reflect.DeepEqual(fromFile.OssService.Apps, want) {
		t.Errorf("a file gives %+v, error %v", fromFile.OssService.Apps, err)
	}
	fromEnvironment, err := Load("", map[string]string{"PARLEY_OSSSERVICE_APPS": oneApp})
	if err != nil || !reflect.DeepEqual(fromEnvironment.OssService.Apps, want) {
		t.Errorf("the environment gives %+v, error %v", fromEnvironment.OssService.Apps, err)
	}
	text, err := fromFile.explain()
	if err != nil || strings.Contains(string(text), "AccessKeySecret: s\n") || fromFile.OssService.Apps[0].Providers[0].AccessKeySecret != "s" {
		t.Fatalf("what is printed has the secret, or took it from the configuration, error %v", err)
	}
	printed, err := Load(write(t, strings.ReplaceAll(string(text), "***", "s")), nil)
	if err != nil || !reflect.DeepEqual(printed, fromFile) {
		t.Errorf("what is printed is not what was loaded: %v\n%s", err, text)
	}
}

func TestMistakesInAFileAreNamed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{"Grace: 3s", "line 1: there is no key Grace; the configuration has App, Call, Connect"},
		{"Stop:\n  Grac: 3s", "line 2: there is no key Stop.Grac; Stop has Delay, Grace"},
		{"Stop: 3s", "line 1: Stop must have keys: Delay, Grace"},
		{"Stop: {Delay: -1s}", "Stop.Delay is -1s and must be at least 0s"},
		{"Ops: {Listen: 6060}", `Ops.Listen is "6060" and must be host:port or :port`},
		{"Stop: {Grace: 3}", `Stop.Grace is "3" and must be a duration with its unit`},
		{"Stop: {Grace: -3s}", "Stop.Grace is -3s and must be longer than 0s"},
		{"Stop: {Grace: 3s, Grace: 4s}", "the key Stop.Grace is there twice"},
		{"Redis: {DB: many}", `Redis.DB is "many" and must be a whole number`},
		{"Redis: {TLS: maybe}", `Redis.TLS is "maybe" and must be true or false`},
		{"Redis: {Addrs: localhost}", "Redis.Addrs must be a list such as [a, b]"},
		{"Redis: {Master: [a]}", "Redis.Master must be a single value"},
		{"Trace: {Sample: most}", `Trace.Sample is "most" and must be a number`},
		{"Trace: {Sample: 2}", "Trace.Sample is 2 and must be from 0 to 1"},
		{"Log: {Level: loud}", "Log.Level is loud and must be debug, info, error or severe"},
		{"App: {Listen: 8888}", `App.Listen is "8888" and must be host:port or :port`},
		{"Record: {Endpoints: [':9001']}", `Record.Endpoints is [":9001"] and must be a list of host:port`},
		{"Call: {AppID: 5}", "Call.AppID is 5 and must be set together with Call.SecretFile or Call.Secret"},
		{"Call: {Secret: s}", "Call.AppID is 0 and must be set together with Call.SecretFile or Call.Secret"},
		{"Call: {Ring: 10ms}", "Call.Ring is 10ms and must be from 1s to 1h"},
		{"Call: {TicketExpire: 1s}", "Call.TicketExpire is 1s and must be from 1m to 68 years"},
		{"Proxies: [10.0.0.0/99]", `Proxies is "10.0.0.0/99" and must be an address, or a network`},
		{"Limit: {UserRate: -1}", "Limit.UserRate is -1 and must be from 0 to 100000"},
		{"Limit: {AddressRate: 100001}", "Limit.AddressRate is 100001 and must be from 0 to 100000"},
		{"Limit: {AddressRate: 5, AddressBurst: 1000001}", "Limit.AddressBurst is 1000001 and must be from 0 to 1000000"},
		{"Limit: {UserBurst: 5}", "Limit.UserBurst is 5 and must be 0 where Limit.UserRate is 0"},
		{"Group: {MaxConns: -1}", "Group.MaxConns is -1 and must be at least 0"},
		{"Connect: {MaxPerAddress: -1}", "Connect.MaxPerAddress is -1 and must be at least 0"},
		{"Database: {MaxConns: -1}", "Database.MaxConns is -1 and must be at least 0"},
		{"OssService: {MaxFile: 17825792}", "OssService.MaxFile is 17825792 and must be at least 65536 less than Oss.MaxBody (17825792)"},
		{"OssService: {Apps: {AppID: a}}", "OssService.Apps must be a list, of which each entry begins with a dash"},
		{"OssService:\n  Apps:\n    - AppId: a", "line 3: there is no key OssService.Apps[0].AppId; OssService.Apps[0] has AppID, Providers, Quota"},
		{"OssService:\n  Apps:\n    - AppID: a", "OssService.Apps[0].Providers is empty and must be a list of providers"},
		{"OssService:\n  Apps:\n    - AppID: a\n      Providers: [{Type: s3}]", `OssService.Apps[0].Providers[0].Type is "s3" and must be aliyun, huaweiyun, minio, local`},
		{"OssService:\n  Apps:\n    - AppID: a\n      Providers: [{Type: minio, Endpoint: minio}]", "OssService.Apps[0].Providers[0].Endpoint is minio and must be a URL"},
		{"OssService:\n  Apps:\n    - AppID: a\n      Providers: [{Type: local, Bucket: b}]", "Type is local and must be without other keys than PublicURL"},
		{"OssService:\n  Apps:\n    - AppID: a\n      Providers: [{Type: aliyun, TokenLife: 1m}]", "TokenLife is 1m0s and must be from 15m to 12h"},
		{"OssService:\n  Apps:\n    - {AppID: a, Providers: [{Type: local}]}\n    - {AppID: a, Providers: [{Type: local}]}", `OssService.Apps[1].AppID is "a" and must be 1 to 255 bytes, and another`},
		{"OssService:\n  Apps:\n    - {AppID: a, Providers: [{Type: minio, Endpoint: \"http://m\", Bucket: b}]}\n    - {AppID: c, Providers: [{Type: minio, Endpoint: \"http://m/\", Bucket: b}]}", "OssService.Apps[1].Providers[0].Bucket is b and must be another than that of app a"},
		{"OssService: {Timeout: 1h}", "OssService.Timeout is 1h0m0s and must be from 1s to 1m"},
		{"Redis: {TLS: true, CAFile: missing}", "Redis.CAFile: open missing"},
		{"Database: {DSN: parley@tcp(db)/parley, TLS: true, CAFile: missing}", "Database.CAFile: open missing"},
		{"Database: {DSN: 'parley@tcp(db)/parley?tls=true', TLS: true}", "Database.DSN has tls or allowFallbackToPlaintext and must not where Database.TLS is true"},
		{"Registry: {TLS: true, CertFile: parley.crt}", `Registry.CertFile is "parley.crt" and must be set together with KeyFile`},
		{"Trace: {TLS: true, CAFile: missing}", "Trace.CAFile: open missing"},
		{"Trace: {CAFile: ca.crt}", "Trace.TLS is false and must be true where CAFile, CertFile or KeyFile is set"},
		{"Registry: {PasswordFile: missing}", "Registry.PasswordFile: open missing"},
		{"Data: ''", `Data is "" and must be a folder`},
		{"Data: [", "yaml: "},
		{"Data: a\n---\nData: b", "one YAML document"},
	} {
		if _, err := Load(write(t, row.text), nil); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: the error is %v, want %q in it", row.text, err, row.want)
		}
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(write(t, "Stop: {Grac: 3s}\nRedis: {DB: x}"), nil)
	if err == nil || !strings.Contains(err.Error(), "Stop.Grac") || !strings.Contains(err.Error(), "Redis.DB") {
		t.Errorf("the error is %v", err)
	}
}

func TestAMistakeInTheEnvironmentIsNamed(t *testing.T) {
	t.Parallel()
	_, err := Load("", map[string]string{
		"PARLEY_STOP_GRACE": "soon", "PARLEY_DATABSE_DSN": "x", "PARLEY_STOP_DELEY": "1s", "PARLEY_STOP_GRACE_": "", "HOME": "/",
	})
	for _, want := range []string{
		`environment PARLEY_STOP_GRACE: Stop.Grace is "soon" and must be a duration`,
		"environment PARLEY_DATABSE_DSN: there is no such key; parley config print",
		"environment PARLEY_STOP_DELEY: there is no such key; there are PARLEY_STOP_DELAY, PARLEY_STOP_GRACE",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, and does not say %s", err, want)
		}
	}
	if len(flat(err)) != 3 {
		t.Errorf("the errors are %v", err)
	}
}

// What Kubernetes tells containers of a service named parley-app is not meant for Parley.
func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	got, err := Load("", map[string]string{
		"PARLEY_APP_SERVICE_HOST": "10.0.0.1", "PARLEY_APP_SERVICE_PORT": "80", "PARLEY_APP_SERVICE_PORT_HTTP": "80",
		"PARLEY_APP_PORT": "tcp://10.0.0.1:80", "PARLEY_APP_PORT_80_TCP": "tcp://10.0.0.1:80", "PARLEY_APP_PORT_80_TCP_PROTO": "tcp",
		"PARLEY_APP_PORT_80_TCP_PORT": "80", "PARLEY_APP_PORT_80_TCP_ADDR": "10.0.0.1", "PARLEY_KEY": "secret", "PARLEY_TEST_MYSQL": "x",
	})
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("loaded %+v, %v", got, err)
	}
	for _, k := range new(Config).keys() {
		if foreign(k.environment()) {
			t.Errorf("%s passes for somebody else's", k.environment())
		}
	}
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := Load(write(t, "# nothing\n"), nil)
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("loaded %+v, %v", got, err)
	}
}

func TestThePrintedConfigurationMeansTheSame(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Stop.Grace, c.Redis.Addrs, c.Data = 90*time.Second, []string{"a:1"}, "/var/lib/parley"
	text, err := c.explain()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(write(t, string(text)), nil)
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("printed and loaded again it is %+v, %v; it was %+v", again, err, c)
	}
	for _, want := range []string{"Grace: 1m30s", "Addrs: [", "# How long it may then take to finish", "Window: 120s"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the printed configuration:\n%s", want, text)
		}
	}
}

func TestThePrintedConfigurationShowsNoPassword(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Database.DSN = "parley:hun@ter:2@tcp(db:3306)/parley?tls=true"
	c.Call.AppID, c.Call.Secret = 5, "swordfish"
	text, err := c.explain()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "ter") && strings.Contains(string(text), "hun@") {
		t.Errorf("the password is in the printed configuration:\n%s", text)
	}
	if strings.Contains(string(text), "swordfish") || !strings.Contains(string(text), "***") {
		t.Errorf("the secret of calls is in the printed configuration, or nothing says that there is one:\n%s", text)
	}
	if !strings.Contains(string(text), "parley:***@tcp(db:3306)/parley?tls=true") {
		t.Errorf("the address of the database is not in the printed configuration:\n%s", text)
	}
}
