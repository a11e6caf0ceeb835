package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
)

// release is an earlier parley.
type release struct {
	// commit is a tag or a hash.
	commit string
	file   string
	// livesWithNewer says that it starts on a schema that is newer than itself, as
	// every one does since migration 5.
	livesWithNewer bool
}

// previous is the release before this one, built once for all tests: that of the
// newest tag or, without tags, what there was before the newest migration.
var previous = sync.OnceValues(func() (*release, error) {
	root, err := run("", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoHistory, err)
	}
	r := new(release)
	if r.commit, err = previousCommit(root); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoHistory, err)
	}
	current, err := binary()
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(current) // which TestMain removes
	source := filepath.Join(folder, "previous-source")
	archive := filepath.Join(folder, "previous.tar")
	if err := os.Mkdir(source, 0o700); err != nil {
		return nil, err
	}
	if _, err := run(root, "git", "archive", "-o", archive, r.commit); err != nil {
		return nil, err
	}
	if _, err := run(source, "tar", "-xf", archive); err != nil {
		return nil, err
	}
	r.file = filepath.Join(folder, "parley-previous")
	if _, err := run(source, "go", "build", "-tags", "no_k8s", "-o", r.file, "."); err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(source, "deploy", "migrations", "mysql", "0005_installation.sql"))
	r.livesWithNewer = err == nil
	return r, os.RemoveAll(source)
})

// errNoHistory says that the release before cannot be found, as in a shallow clone or
// without git.
var errNoHistory = errors.New("there is no history with the release before")

func previousCommit(root string) (string, error) {
	if tag, err := run(root, "git", "describe", "--tags", "--abbrev=0", "HEAD~1"); err == nil {
		return tag, nil
	}
	files, err := filepath.Glob(filepath.Join(root, "deploy", "migrations", "mysql", "*.sql"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there are no migrations: %w", err)
	}
	landed, err := run(root, "git", "log", "--diff-filter=A", "--format=%H", "-1", "--", files[len(files)-1])
	if err != nil {
		return "", err
	}
	if landed == "" {
		return "HEAD", nil // the newest one is not committed yet
	}
	return run(root, "git", "rev-parse", "--verify", landed+"~1")
}

// run returns what a program prints.
func run(folder, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// needPrevious skips a test where the release before cannot be had.
func needPrevious(t *testing.T) *release {
	t.Helper()
	r, err := previous()
	if errors.Is(err, errNoHistory) {
		t.Skip(err)
	}
	must(t, err)
	t.Logf("the release before is %s", r.commit)
	return r
}

// While an upgrade is rolled out the release before and this one serve the same
// people, on a schema that this one made.
func TestTwoReleasesServeSideBySide(t *testing.T) {
	t.Parallel()
	needServers(t)
	release := needPrevious(t)
	if !release.livesWithNewer && onTiDB(t) {
		t.Skip("a parley from before migration 5 does not start on a TiDB")
	}
	env := append(serverEnv(t), "PARLEY_REDIS_ADDRS="+redistest.Addrs(), storesLocally)
	data := t.TempDir()
	before := newProcess(t, env, "-data", data)
	before.file = release.file
	before.start()
	s := newSociety(t, before.site)
	views := s.views()

	after := newProcess(t, env, "-data", data)
	// People write to the release before while the schema changes under it.
	l := startLoad(t, 4, before.site)
	l.progress(before.site, 20)
	after.start()
	l.reader.site = after.site
	l.end()
	l.verify(20)

	both := startLoad(t, 4, after.site, before.site)
	for _, at := range []site{before.site, after.site} {
		s.move(at)
		s.same(views)
	}
	talkAcross(t, before.site, after.site)
	talkAcross(t, after.site, before.site)
	both.progress(before.site, 20)
	both.progress(after.site, 20)

	// A process of the release before that ends comes back.
	before.kill()
	before.run()
	if release.livesWithNewer {
		before.ready()
		both.progress(before.site, 20)
		before.end()
	} else if code := before.exit(); code != 1 || !before.log.has("newer schema") {
		t.Errorf("a parley from before migration 5 exits with %d on a newer schema: %s", code, before.log.tail())
	}
	both.progress(after.site, 20)
	both.verify(40)
	s.move(after.site)
	s.same(views)
	s.goesOn()
	after.end()
}

// talkAcross lets somebody at one site and somebody at another talk, make a group
// and change it.
func talkAcross(t *testing.T, here, there site) {
	t.Helper()
	alice, bob := newUser(t, here), newUser(t, there)
	a, b := alice.connect(onDesktop("a")), bob.connect(onPhone("b"))
	hears := func(k *socket, what string, id int64) {
		t.Helper()
		for {
			e := k.receive()
			if e.logID < id {
				continue
			}
			if e.logID != id || e.String() != what {
				t.Errorf("%d %s arrives, want %d %s", e.logID, e, id, what)
			}
			return
		}
	}
	hears(b, "hello", alice.send(text(string(bob.uid()), "hello")).LogID)
	hears(a, "yes?", b.post(text(string(alice.uid()), "yes?")).LogID)
	g := alice.create("both", bob).ID
	hears(a, "in the group", bob.send(groupText(g, "in the group")).LogID)
	alice.mute(g, 9e12, bob).want(t, fault.OK)
	bob.push(groupText(g, "a word")).want(t, fault.Muted)
	slip := alice.send(groupText(g, "a slip"))
	hears(b, "a slip", slip.LogID)
	bob.exit(g).want(t, fault.OK)
	alice.revoke(slip.LogID).want(t, fault.OK)
	bob.push(groupText(g, "gone?")).want(t, fault.NotMember)
}

// An embedded installation is upgraded by starting the new binary on its data; the
// old one can be taken up again.
func TestAnEmbeddedInstallationIsUpgraded(t *testing.T) {
	t.Parallel()
	release := needPrevious(t)
	data := t.TempDir()
	before := newProcess(t, nil, "-data", data)
	before.file = release.file
	before.start()
	s := newSociety(t, before.site)
	views := s.views()
	before.end()

	after := newService(t, nil, before.args...)
	after.site = before.site
	after.start()
	s.same(views)
	after.end()

	before.run()
	if !release.livesWithNewer {
		if code := before.exit(); code != 1 || !before.log.has("newer schema") {
			t.Errorf("a parley from before migration 5 exits with %d on a newer schema: %s", code, before.log.tail())
		}
		return
	}
	before.ready()
	s.same(views)
}
