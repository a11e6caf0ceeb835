package deploy_test

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// repository is the root of the repository.
var repository = filepath.Join("..", "..")

// stages reads the Dockerfile as a builder does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range parsed.Warnings {
		t.Errorf("a builder warns: %s", warning.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// of returns the commands of one kind in a stage.
func of[T any](stage instructions.Stage) []T {
	var found []T
	for _, command := range stage.Commands {
		if c, ok := command.(T); ok {
			found = append(found, c)
		}
	}
	return found
}

// uid is whom the image runs parley as.
const uid = 65532

func TestTheImageHoldsNothingButParleyAndRunsAsNobody(t *testing.T) {
	t.Parallel()
	all := stages(t)
	image := all[len(all)-1]
	if image.BaseName != "scratch" {
		t.Errorf("the image is made from %s, want scratch", image.BaseName)
	}
	if users := of[*instructions.UserCommand](image); len(users) != 1 || users[0].User != fmt.Sprintf("%d:%d", uid, uid) {
		t.Errorf("the image runs as %v, want the number %d", users, uid)
	}
	if entry := of[*instructions.EntrypointCommand](image); len(entry) != 1 || !slices.Equal(entry[0].CmdLine, []string{"/parley"}) || entry[0].PrependShell {
		t.Errorf("the image starts %v, want /parley with the arguments of the container", entry)
	}
	health := of[*instructions.HealthCheckCommand](image)
	if len(health) != 1 || !slices.Equal(health[0].Health.Test, []string{"CMD", "/parley", "health"}) {
		t.Errorf("the image is healthy by %v, want parley health", health)
	}
	for _, command := range of[*instructions.CopyCommand](image) {
		if command.From != "build" {
			t.Errorf("%s copies from elsewhere than the build", command)
		}
	}
	var labels []string
	for _, command := range of[*instructions.LabelCommand](image) {
		for _, label := range command.Labels {
			labels = append(labels, label.Key)
		}
	}
	for _, want := range []string{"title", "description", "version", "revision", "created"} {
		if !slices.Contains(labels, "org.opencontainers.image."+want) {
			t.Errorf("the image has no label %s", want)
		}
	}
}

// buildContext copies what a builder gets to see of the repository.
func buildContext(t *testing.T) string {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	err = filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		name, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		if skip, err := ignored.MatchesOrParentMatches(name); err != nil || skip {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// buildCommand finds how the Dockerfile builds parley.
var buildCommand = regexp.MustCompile(`CGO_ENABLED=0 .*\bgo build .* -o (\S+/parley) \.`)

// builds makes parley once for all tests, by the Dockerfile's command and from no more
// than its context.
var builds struct {
	once   sync.Once
	folder string
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if builds.folder != "" {
		os.RemoveAll(builds.folder)
	}
	os.Exit(code)
}

// binary returns the file of parley as the image has it.
func binary(t *testing.T) string {
	t.Helper()
	builds.once.Do(func() { builds.folder, builds.err = build(t) })
	if builds.err != nil {
		t.Fatal(builds.err)
	}
	return filepath.Join(builds.folder, "parley")
}

func build(t *testing.T) (string, error) {
	t.Helper()
	folder, err := os.MkdirTemp("", "parley-image-")
	if err != nil {
		return "", err
	}
	var command string
	for _, run := range of[*instructions.RunCommand](stages(t)[0]) {
		if match := buildCommand.FindStringSubmatch(strings.Join(run.CmdLine, " ")); match != nil {
			command = strings.Replace(match[0], match[1], filepath.Join(folder, "parley"), 1)
		}
	}
	if command == "" {
		return folder, errors.New("the Dockerfile does not build parley")
	}
	build := exec.Command("sh", "-c", command)
	build.Dir = buildContext(t)
	build.Env = append(os.Environ(), "TARGETOS=", "TARGETARCH=", "VERSION=1.2.3-test")
	if out, err := build.CombinedOutput(); err != nil {
		return folder, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return folder, nil
}

// image is a folder with what the image has.
func image(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "parley"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"tmp": 0o777 | fs.ModeSticky, "data": 0o700} {
		if err := errors.Join(os.Mkdir(filepath.Join(root, name), 0o755), os.Chmod(filepath.Join(root, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheImageRunsAloneWithoutRightsOnAReadOnlyRoot(t *testing.T) {
	t.Parallel()
	root := image(t)
	program, err := elf.Open(filepath.Join(root, "parley"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("parley needs a loader, which an empty image does not have")
		}
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("parley needs the libraries %v, %v", libraries, err)
	}

	if os.Geteuid() != 0 {
		t.Skip("only root may change the root folder")
	}
	if err := errors.Join(os.Chown(filepath.Join(root, "data"), uid, uid), os.Chmod(root, 0o555)); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	p := start(t, root, "-listen", addr)
	p.until(func() bool { return get(t, "http://"+addr+"/ping") == http.StatusOK })
	written := make(map[string]bool)
	for _, name := range list(t, root) {
		written[strings.SplitN(name, "/", 2)[0]] = true
	}
	if len(written) != 3 || !written["parley"] || !written["data"] || !written["tmp"] {
		t.Errorf("the root folder has %v, want parley, data and tmp", written)
	}
	p.stop()
	if !bytes.Contains(p.said(), []byte("parley 1.2.3-test is ready")) {
		t.Errorf("it does not say its version:\n%s", p.said())
	}
}

// process is a parley in a root folder of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	exited chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// Write implements io.Writer.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

func (p *process) said() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.output.Bytes())
}

func start(t *testing.T, root string, args ...string) *process {
	t.Helper()
	p := &process{t: t, exited: make(chan struct{})}
	p.cmd = exec.Command("/parley", args...)
	p.cmd.Dir, p.cmd.Env = "/", []string{"PARLEY_DATA=/data", "PARLEY_OPS_LISTEN=127.0.0.1:0"}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := p.cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine does not let root change the root folder: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // how it ended is in its state
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // it has ended, unless the test failed
		<-p.exited
	})
	return p
}

// until waits for what p has to do.
func (p *process) until(holds func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-p.exited:
			p.t.Fatalf("parley has ended, %s:\n%s", p.cmd.ProcessState, p.said())
		case <-ctx.Done():
			p.t.Fatalf("parley does not get there:\n%s", p.said())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop stops p as a container is stopped.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.exited
	if !p.cmd.ProcessState.Success() {
		p.t.Errorf("parley ends with %s:\n%s", p.cmd.ProcessState, p.said())
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get returns the status of an answer; 0 is none.
func get(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // only the status counts
	return response.StatusCode
}

// list returns the files below a folder.
func list(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file of the database
		}
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
