package deploy_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

// targets are the processes of an installation in which all is apart.
var targets = []string{"app", "connect", "group", "oss", "record-rpc", "group-rpc", "call-rpc", "oss-rpc"}

// project loads compose.yaml as docker compose does.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(repository, "deploy", "compose", "compose.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryTargetRunsTwiceInCompose(t *testing.T) {
	t.Parallel()
	p := project(t)
	for _, target := range targets {
		s, ok := p.Services[target]
		if !ok {
			t.Errorf("there is no service %s", target)
			continue
		}
		if want := []string{"-target", target, "-config", "/etc/parley/parley.yaml"}; !slices.Equal(s.Command, want) {
			t.Errorf("%s runs %q, want %q", target, s.Command, want)
		}
		if s.GetScale() != 2 {
			t.Errorf("%s runs %d times, want twice", target, s.GetScale())
		}
	}
}

// pinned is a tag that names one release.
var pinned = regexp.MustCompile(`:v?(RELEASE\.)?\d+[.-]\d+[.\-T]\d`)

func TestEveryContainerHasNoMoreRightsThanItNeeds(t *testing.T) {
	t.Parallel()
	for name, s := range project(t).Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged ||
			!slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it needs", name)
		}
		if s.Restart == "" || s.Restart == "no" {
			t.Errorf("%s is not started again", name)
		}
		if name != "bucket" && (s.HealthCheck == nil || len(s.HealthCheck.Test) < 2) && name != "jaeger" {
			t.Errorf("nobody looks whether %s is healthy", name)
		}
		if s.Build == nil && !pinned.MatchString(s.Image) {
			t.Errorf("%s runs the image %s, which is not pinned", name, s.Image)
		}
		for variable, value := range s.Environment {
			if strings.Contains(variable, "PASSWORD") && !strings.HasSuffix(variable, "FILE") || value == nil {
				t.Errorf("%s has a secret or nothing in %s", name, variable)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to %q unless somebody asks for it", name, port.HostIP)
			}
		}
	}
}

// What asks nobody who he is must not be reached from outside.
func TestServicesAreOnTheInnerNetworkOnly(t *testing.T) {
	t.Parallel()
	p := project(t)
	if !p.Networks["back"].Internal {
		t.Error("the network back is not internal")
	}
	for _, name := range []string{"record-rpc", "group-rpc", "call-rpc", "oss-rpc", "mysql", "redis", "etcd"} {
		if s := p.Services[name]; len(s.Ports) > 0 || len(s.Networks) != 1 || s.Networks["back"] == nil && !slices.Contains(s.NetworksByPriority(), "back") {
			t.Errorf("%s is reached over %v and the ports %v", name, s.NetworksByPriority(), s.Ports)
		}
	}
}

func TestWhatComposeMountsIsThere(t *testing.T) {
	t.Parallel()
	p := project(t)
	script, err := os.ReadFile(filepath.Join(repository, "deploy", "compose", "secrets.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s mounts %s, which must be there and not be written: %v", name, v.Source, err)
			}
		}
		for _, secret := range s.Secrets {
			if _, ok := p.Secrets[secret.Source]; !ok {
				t.Errorf("%s has the secret %s, which is not defined", name, secret.Source)
			}
		}
	}
	for name, secret := range p.Secrets {
		if filepath.Base(secret.File) != name || !strings.Contains(string(script), " "+name) {
			t.Errorf("secrets.sh does not make %s", name)
		}
	}
}

func TestGatewaysOfComposeBelieveNginxAndNobodyElse(t *testing.T) {
	t.Parallel()
	p := project(t)
	nginx, err := netip.ParseAddr(p.Services["nginx"].Networks["front"].Ipv4Address)
	if err != nil {
		t.Fatal(err)
	}
	given := p.Networks["front"].Ipam.Config[0]
	if all, err := netip.ParsePrefix(given.Subnet); err != nil || !all.Contains(nginx) {
		t.Errorf("nginx has the address %s outside of %s: %v", nginx, given.Subnet, err)
	}
	if others, err := netip.ParsePrefix(given.IPRange); err != nil || others.Contains(nginx) {
		t.Errorf("others may get the address of nginx, %s, from %s: %v", nginx, given.IPRange, err)
	}
	for _, name := range []string{"app", "connect", "group", "oss"} {
		if got := p.Services[name].Environment["PARLEY_PROXIES"]; got == nil || *got != nginx.String() {
			t.Errorf("%s does not believe %s alone", name, nginx)
		}
	}
}

// Sockets and uploads get the time that nginx would give them.
func TestNginxIsNotKilledBeforeItHasEnded(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`(?m)^worker_shutdown_timeout (\w+);`).FindSubmatch(read(t, "deploy", "nginx", "nginx.conf"))
	if found == nil {
		t.Fatal("nginx.conf does not say how long it takes")
	}
	takes, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	if given := project(t).Services["nginx"].StopGracePeriod; given == nil || time.Duration(*given) <= takes {
		t.Errorf("nginx takes up to %s to end and is killed after %s", takes, given)
	}
	pod := example(t).deployments["nginx"].Spec.Template.Spec
	if given := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; given <= takes {
		t.Errorf("nginx takes up to %s to end and its pod is killed after %s", takes, given)
	}
}

// Who may list the bucket has all objects of all users: their keys cannot be guessed, and
// nothing else protects them. mc's own "download" lets anybody list.
func TestAnybodyMayReadObjectsOfTheBucketAndNotListThem(t *testing.T) {
	t.Parallel()
	var policy struct {
		Statement []struct {
			Effect           string
			Action, Resource []string
		}
	}
	if err := json.Unmarshal(read(t, "deploy", "compose", "public.json"), &policy); err != nil {
		t.Fatal(err)
	}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" || !slices.Equal(s.Action, []string{"s3:GetObject"}) || !slices.Equal(s.Resource, []string{"arn:aws:s3:::parley/*"}) {
			t.Errorf("the bucket grants %v, want no more than to read its objects", s)
		}
	}
	if len(policy.Statement) != 1 {
		t.Errorf("there are %d statements, want one", len(policy.Statement))
	}
	const sets = "mc anonymous set-json /etc/parley/public.json store/parley\n"
	script := strings.Join(project(t).Services["bucket"].Command, "\n")
	if strings.Count(script, "mc anonymous") != 1 || !strings.Contains(script, sets) {
		t.Errorf("the bucket is opened otherwise than by public.json:\n%s", script)
	}
}

// The script has a shell and mc, and nothing else that an image may have or not.
func TestTheBucketIsMadeAsOftenAsOneLikesAndProvenToBeThere(t *testing.T) {
	t.Parallel()
	s := project(t).Services["bucket"]
	for name, c := range map[string]struct {
		fails string // the command of mc that does
		ok    bool
	}{
		"first":                      {"none", true},
		"again":                      {"admin policy attach", true},
		"no bucket":                  {"mb", false},
		"no user":                    {"admin user add", false},
		"no policy":                  {"admin policy create", false},
		"another secret than Parley": {"alias set parley", false},
		"a bucket it cannot reach":   {"ls parley/parley", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			mc := "#!/bin/sh\necho \"$*\" >>\"" + folder + "/said\"\ncase \"$*\" in \"" + c.fails + "\"*) exit 1 ;; esac\n"
			if err := os.WriteFile(filepath.Join(folder, "mc"), []byte(mc), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, secret := range s.Secrets {
				if err := os.WriteFile(filepath.Join(folder, secret.Source), []byte("the "+secret.Source), 0o400); err != nil {
					t.Fatal(err)
				}
			}
			args := append(slices.Clone(s.Entrypoint[1:]), strings.ReplaceAll(strings.Join(s.Command, " "), "/run/secrets", folder))
			script := exec.CommandContext(t.Context(), s.Entrypoint[0], args...)
			script.Env = []string{"PATH=" + folder}
			out, err := script.CombinedOutput()
			if (err == nil) != c.ok {
				t.Errorf("the script ends with %v:\n%s", err, out)
			}
			said, err := os.ReadFile(filepath.Join(folder, "said"))
			if err != nil {
				t.Fatal(err)
			}
			if c.ok && !strings.HasSuffix(string(said), "alias set parley http://minio:9000 parley the s3_secret\nls parley/parley\n") {
				t.Errorf("nobody looks whether Parley gets to the bucket:\n%s", said)
			}
		})
	}
}

func TestContainersOfParleyAreNotKilledBeforeTheyHaveStopped(t *testing.T) {
	t.Parallel()
	var defaults struct {
		Stop struct{ Delay, Grace string }
	}
	for _, file := range [][]string{{"app", "config.yaml"}, {"deploy", "compose", "parley.yaml"}} {
		if err := yaml.Unmarshal(read(t, file...), &defaults); err != nil {
			t.Fatal(err)
		}
	}
	p := project(t)
	for _, target := range targets {
		s := p.Services[target]
		var stops time.Duration
		for key, value := range map[string]string{"PARLEY_STOP_DELAY": defaults.Stop.Delay, "PARLEY_STOP_GRACE": defaults.Stop.Grace} {
			if other := s.Environment[key]; other != nil {
				value = *other
			}
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Errorf("%s has %s=%s", target, key, value)
			}
			stops += d
		}
		if given := s.StopGracePeriod; given == nil || time.Duration(*given) < stops+time.Second {
			t.Errorf("%s may take %s to stop and is killed after %s", target, stops, given)
		}
	}
}

// databaseConns is how many connections n processes open at most: one pool for reading and
// one for writing each.
func databaseConns(t *testing.T, n int) int {
	t.Helper()
	var defaults struct {
		Database struct{ MaxConns int }
	}
	if err := yaml.Unmarshal(read(t, "app", "config.yaml"), &defaults); err != nil || defaults.Database.MaxConns == 0 {
		t.Fatalf("there is no default of Database.MaxConns: %v", err)
	}
	return n * 2 * defaults.Database.MaxConns
}

// All are there twice for a moment when they are replaced.
func TestMySQLTakesTheConnectionsOfAllProcesses(t *testing.T) {
	t.Parallel()
	p, processes := project(t), 0
	for _, s := range p.Services {
		if s.Environment["PARLEY_DATABASE_PASSWORDFILE"] != nil {
			processes += s.GetScale()
		}
	}
	at := slices.IndexFunc(p.Services["mysql"].Command, func(arg string) bool { return strings.HasPrefix(arg, "--max-connections=") })
	if at < 0 {
		t.Fatal("mysqld has its default of 151 connections")
	}
	given, err := strconv.Atoi(strings.TrimPrefix(p.Services["mysql"].Command[at], "--max-connections="))
	if want := databaseConns(t, 2*processes); err != nil || given <= want {
		t.Errorf("mysqld takes %d connections and is asked for up to %d: %v", given, want, err)
	}
}

// A commit that was answered survives the loss of power.
func TestMySQLIsDurable(t *testing.T) {
	t.Parallel()
	command := project(t).Services["mysql"].Command
	for _, want := range []string{"--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--transaction-isolation=READ-COMMITTED"} {
		if !slices.Contains(command, want) {
			t.Errorf("mysqld runs without %s", want)
		}
	}
}

// Each container checks the configuration as it finds it: its environment, its secrets and
// no others, and the one file.
func TestEveryContainerAcceptsItsConfiguration(t *testing.T) {
	t.Parallel()
	program := binary(t)
	for _, target := range targets {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			s, folder := project(t).Services[target], t.TempDir()
			for _, secret := range s.Secrets {
				if err := os.WriteFile(filepath.Join(folder, secret.Source), []byte("a secret\n"), 0o400); err != nil {
					t.Fatal(err)
				}
			}
			here := func(text string) string { return strings.ReplaceAll(text, "/run/secrets", folder) }
			text, err := os.ReadFile(filepath.Join(repository, "deploy", "compose", "parley.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, "parley.yaml")
			if err := os.WriteFile(file, []byte(here(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			check := exec.CommandContext(t.Context(), program, "config", "check", "-config", file)
			check.Env = []string{"PARLEY_DATA=/data"}
			for name, value := range s.Environment {
				check.Env = append(check.Env, name+"="+here(*value))
			}
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s refuses its configuration: %v\n%s", target, err, out)
			}
		})
	}
}
