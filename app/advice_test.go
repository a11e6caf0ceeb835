package app

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/oss"
)

// checked returns what `parley config check` says of a configuration.
func checked(t *testing.T, text string, targets ...string) []string {
	t.Helper()
	c, err := Load(write(t, text), nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	said, err := check(c, targets)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.Split(strings.TrimSpace(string(said)), "\n")
}

const onServers = "Database: {DSN: 'parley@tcp(db:3306)/parley'}\nRedis: {Addrs: [redis:6379]}\n"

func TestTheCheckSaysWhatAProcessWouldDo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text    string
		targets []string
		want    []string
		without string
	}{
		{"", []string{All}, []string{"targets: all", "listens on :8888 for HTTP: every route", "listens on :3102 for HTTP: sockets",
			"database: SQLite in data/parley.db", "redis: in this process", "data folder: ./data", "a user may send any number of requests"}, "calls "},
		{onServers + "Registry: {Hosts: [etcd:2379]}", []string{"app"}, []string{"listens on :8888 for HTTP: calls, records and users",
			"calls record-rpc at the addresses in the registry at etcd:2379", "database: parley@tcp(db:3306)/parley", "redis: redis:6379"}, "group"},
		{"Connect: {WithApp: false}\nRecord: {Endpoints: ['r1:1', 'r2:2']}\nCall: {Endpoints: ['c:3']}", []string{"app"},
			[]string{"calls record-rpc at r1:1, r2:2", "calls call-rpc at c:3"}, "database"},
		{onServers, []string{"group-rpc"}, []string{"listens on 127.0.0.1:9002 for calls of group-rpc"}, "HTTP"},
		{onServers + "Limit: {UserRate: 50, AddressRate: 100, AddressBurst: 7}", []string{"connect", "record-rpc"},
			[]string{"a user may send 50 requests a second, and 100 at once after a rest", "an address may send 100 requests a second, and 7 at once after a rest"}, "calls record"},
	} {
		said := checked(t, row.text, row.targets...)
		for _, want := range append(row.want, "the configuration is good") {
			if !slices.Contains(said, want) {
				t.Errorf("of %q for %v the check does not say %q:\n%s", row.text, row.targets, want, strings.Join(said, "\n"))
			}
		}
		for _, line := range said {
			if strings.HasPrefix(line, "warning: ") {
				continue
			}
			if row.without != "" && strings.Contains(line, row.without) {
				t.Errorf("of %q for %v the check says %q", row.text, row.targets, line)
			}
		}
	}
}

func TestTheCheckWarnsOfWhatIsRarelyMeant(t *testing.T) {
	t.Parallel()
	stored := func(p string) string { return "OssService: {Apps: [{AppID: a, Providers: [" + p + "]}]}\n" }
	minio := "{Type: minio, Endpoint: 'http://m', Bucket: b, AccessKeyID: i, AccessKeySecret: s}"
	for _, row := range []struct {
		text    string
		targets string
		warning string
		remedy  string
	}{
		{"", "record-rpc", "Database.DSN is empty", onServers},
		{"", "connect", "Redis.Addrs is empty", onServers},
		{"Database: {DSN: 'parley@tcp(db)/parley'}\n", All, "Redis.Addrs is empty", "Redis: {Addrs: ['r:1']}"},
		{"Ops: {Listen: ':6060'}\n", "oss", "Ops.Listen is :6060: whoever reaches it", "Ops: {Listen: '10.0.0.5:6060'}"},
		{"Trace: {Sample: 0.5}\n", All, "Trace.Sample is 0.5: without Trace.Endpoint", "Trace: {Sample: 0.5, Endpoint: 'o:4317'}"},
		{"Database: {DSN: 'parley:hunter2@tcp(db)/parley'}\n", All, "Database.DSN is parley:***@tcp(db)/parley: it holds a secret", onServers},
		{"Call: {AppID: 5, Secret: hunter2}\n", All, "Call.Secret is set: it holds a secret", "Call: {AppID: 0}"},
		{stored(minio), All, "OssService.Apps[0].Providers[0].AccessKeySecret is set", stored("{Type: local}")},
		{"", "app", "Record.Endpoints is empty: without a registry the service is looked for at 127.0.0.1:9001", "Record: {Endpoints: ['r:1']}"},
		{"", "group", "GroupService.Endpoints is empty", "Registry: {Hosts: ['e:1']}"},
		{"", "oss", "OssService.Endpoints is empty", "OssService: {Endpoints: ['o:1']}"},
		{"Registry: {Hosts: ['e:1']}\n", "call-rpc", "Call.Listen is 127.0.0.1:9003: the registry would send callers", "Registry: {Hosts: ['e:1']}\nCall: {Listen: ':9003'}"},
		{"Registry: {Hosts: ['e:1']}\n", "record-rpc", "set Record.Advertise", "Registry: {Hosts: ['e:1']}\nRecord: {Advertise: '10.1.1.1:9001'}"},
		{onServers, All, "Call.AppID is 0: no call can be started", onServers + "Call: {AppID: 5, Secret: s}"},
		{onServers, "oss-rpc", "OssService.Apps is empty: nothing can be uploaded", onServers + stored(minio)},
		{onServers + stored("{Type: local}"), "oss", "OssService.Apps[0].Providers[0].Type is local", onServers + stored(minio)},
		{"Proxies: [0.0.0.0/0]\n", All, "Proxies is 0.0.0.0/0: anybody may claim", "Proxies: [10.0.0.0/8]"},
		{"Limit: {AddressRate: 10}\n", All, "Limit.AddressRate is 10: without Proxies", "Limit: {AddressRate: 10}\nProxies: [10.0.0.1]"},
		{"Connect: {MaxPerAddress: 10}\n", "connect", "Connect.MaxPerAddress is 10: without Proxies", "Proxies: [10.0.0.1]"},
		{"Connect: {MaxConns: 2000000000}\n", "connect", "Connect.MaxConns is 2000000000 and must be at most", "Connect: {MaxConns: 10}"},
	} {
		warned := func(text string) bool {
			return slices.ContainsFunc(checked(t, text, row.targets), func(line string) bool {
				return strings.HasPrefix(line, "warning: ") && strings.Contains(line, row.warning)
			})
		}
		if !warned(row.text) {
			t.Errorf("%q for %s: there is no warning that %s", row.text, row.targets, row.warning)
		}
		if warned(row.remedy) {
			t.Errorf("%q for %s: there is still a warning that %s", row.remedy, row.targets, row.warning)
		}
	}
}

func TestTheCheckHasNothingToSayOfTheDefaults(t *testing.T) {
	t.Parallel()
	for _, line := range checked(t, "", All) {
		if strings.HasPrefix(line, "warning") {
			t.Errorf("the defaults are warned of: %s", line)
		}
	}
}

// Whatever is wrong beside it, no secret reaches the screen.
func TestTheCheckShowsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	provider := fmt.Sprintf("{Type: %s, Endpoint: nowhere, AccessKeySecret: %s}", oss.Minio, secret)
	for _, text := range []string{
		"Database: {DSN: 'parley:" + secret + "@tcp(db)/parley'}\nCall: {Secret: " + secret + "}\nStop: {Grace: x}",
		"Database: {DSN: 'parley:" + secret + "@tcp(db/parley'}",
		"Database: {DSN: 'parley:" + secret + "@tcp(db)/parley'}\nCall: {AppID: 5, Secret: " + secret + "}",
		"OssService: {Apps: [{AppID: a, Providers: [" + provider + "]}]}",
	} {
		var out, errOut bytes.Buffer
		c := command{args: []string{"check", "-config", write(t, text)}, out: &out, err: &errOut}
		err := c.config()
		if said := fmt.Sprint(out.String(), errOut.String(), err); strings.Contains(said, secret) {
			t.Errorf("%q: the check says %s", text, said)
		}
	}
}

func TestTheCheckNamesAllProblems(t *testing.T) {
	t.Parallel()
	file := write(t, "Stop: {Grac: 3s}\nApp: {Listen: 8888, MaxInFlight: some}\nLimit: {UserBurst: 5}\nRedis: {DB: -1, PoolSize: -2}\n")
	environment := map[string]string{"PARLEY_TOKEN_WINDOW": "soon", "PARLEY_GROUP_MAXBODY": "3"}
	_, err := Load(file, environment)
	lines := strings.Split(fmt.Sprint(err), "\n")
	for _, want := range []string{
		"8 problems", "there is no key Stop.Grac", `App.MaxInFlight is "some" and must be a whole number`, `PARLEY_TOKEN_WINDOW: Token.Window is "soon"`,
		`App.Listen is "8888" and must be host:port or :port`, "Group.MaxBody is 3 and must be at least 1024",
		"Limit.UserBurst is 5 and must be 0 where Limit.UserRate is 0", "Redis.DB is -1", "Redis.PoolSize is -2",
	} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("nothing says %q:\n%v", want, err)
		}
	}
	if len(lines) != 9 {
		t.Errorf("there are %d lines, want 9:\n%v", len(lines), err)
	}
}

func TestTheCheckKnowsItsTargets(t *testing.T) {
	t.Parallel()
	if _, err := check(Default(), []string{"app", "nothing"}); err == nil || !strings.Contains(err.Error(), `no target "nothing"; there are all, app`) {
		t.Errorf("a target that there is not: %v", err)
	}
}
