package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb"
)

// restoration is a backup of people who went on writing while it was made and
// afterwards, and what they know of what is lost.
type restoration struct {
	*society
	// before was over when the backup began, during went on.
	before, during *load
	views          map[string]string
	// seen is the highest logId that anybody has seen.
	seen int64
}

// backUp makes a backup in the midst of things. It returns when everybody has seen
// more than the backup has, and has stopped.
func backUp(t *testing.T, at site, backup func()) *restoration {
	t.Helper()
	r := &restoration{society: newSociety(t, at), before: startLoad(t, 4, at)}
	r.before.progress(at, 50)
	r.before.verify(50)
	r.views = r.society.views()
	r.during = startLoad(t, 4, at)
	r.during.progress(at, 20)
	backup()
	r.during.progress(at, 20)
	r.during.end()
	r.seen = r.people[0].send(text(string(r.people[0].uid()), "nobody will know")).LogID
	return r
}

// verify holds a site on the restored database against what people know.
func (r *restoration) verify(at site, advanced int64) {
	r.t.Helper()
	r.before.reader.site, r.during.reader.site = at, at
	r.before.verify(50)
	// Of what was written meanwhile the first messages are there, each as its answer
	// said, and none is missing between them.
	head := int64(0)
	there := make(map[string]int64)
	for _, e := range r.during.reader.syncAll(0, 1000) {
		there[e.message.MsgId] = e.logID
		head = e.logID
	}
	lost := 0
	for _, w := range r.during.writers {
		for id, s := range w.answered {
			switch at, ok := there[id]; {
			case ok && at != s.LogID:
				r.t.Errorf("the message %s was answered with logId %d and is at %d", id, s.LogID, at)
			case !ok && s.LogID < head:
				r.t.Errorf("the message at %d is missing, and the one at %d is there", s.LogID, head)
			case !ok:
				lost++
			}
			delete(there, id)
		}
		delete(there, w.last)
	}
	if len(there) > 0 {
		r.t.Errorf("there are messages that nobody sent: %v", there)
	}
	if lost == 0 {
		r.t.Error("nothing is lost: the test shows nothing")
	}
	r.t.Logf("%d messages were written after the backup and are lost", lost)

	r.move(at)
	r.same(r.views)
	// Somebody who has seen more than there is gets nothing old, and all that is new.
	alice := r.people[0]
	if got := alice.sync(r.seen, 10); len(got) != 0 {
		r.t.Errorf("behind logId %d, which is lost, there is %v", r.seen, got)
	}
	next := r.goesOn()
	if next != advanced+1 {
		r.t.Errorf("the first new logId is %d, want %d", next, advanced+1)
	}
	if got := alice.sync(r.seen, 10); len(got) == 0 || got[0].logID != next {
		r.t.Errorf("behind logId %d there is %v, want what is new, from %d on", r.seen, got, next)
	}
}

// dense fails the test unless the log has an event at every position.
func dense(t *testing.T, cfg sqldb.Config, file string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), cfg, file)
	must(t, err)
	defer db.Close()
	var head, last, count int64
	must(t, db.ReaderSQL().QueryRow("SELECT pos FROM log_position").Scan(&head))
	must(t, db.ReaderSQL().QueryRow("SELECT MAX(pos), COUNT(*) FROM log_event").Scan(&last, &count))
	if last != head || count != head {
		t.Errorf("the log is at %d with %d events up to %d", head, count, last)
	}
}

// advance is what an operator does after a restore and before the start.
func advance(t *testing.T, to int64, env []string, args ...string) {
	t.Helper()
	code, out, said := commandLine(t, env, append([]string{"log", "advance", "-to", fmt.Sprint(to)}, args...)...)
	if code != 0 || !strings.Contains(out, fmt.Sprintf("the next logId is %d", to+1)) {
		t.Fatalf("log advance exits with %d: %s%s", code, out, said)
	}
}

func TestADumpOfAServerIsRestored(t *testing.T) {
	t.Parallel()
	needServers(t)
	old := ownMariaDB(t)
	data := t.TempDir()
	common := []string{"PARLEY_REDIS_ADDRS=" + redistest.Addrs(), storesLocally}
	p := newProcess(t, append(common, "PARLEY_DATABASE_DSN="+old.DefaultDSN()), "-data", data)
	p.start()
	var dump bytes.Buffer
	r := backUp(t, p.site, func() { must(t, old.Dump(t.Context(), &dump)) })
	p.end()
	must(t, old.Kill())

	restored := ownMariaDB(t)
	must(t, restored.Restore(t.Context(), &dump))
	dense(t, sqldb.Config{DSN: restored.DefaultDSN()}, "")
	env := append(common, "PARLEY_DATABASE_DSN="+restored.DefaultDSN())
	advance(t, r.seen+1000, env)
	again := newService(t, env, p.args...)
	again.site = p.site
	again.start()
	r.verify(again.site, r.seen+1000)
	again.end()
}

func TestABackupOfTheEmbeddedDatabaseIsRestored(t *testing.T) {
	t.Parallel()
	data, kept := t.TempDir(), t.TempDir()
	p := newProcess(t, nil, "-data", data)
	p.start()
	file := filepath.Join(kept, "parley.db")
	r := backUp(t, p.site, func() {
		code, out, said := commandLine(t, nil, "backup", file, "-data", data)
		if code != 0 || !strings.Contains(out, "has the log up to logId") {
			t.Fatalf("backup exits with %d: %s%s", code, out, said)
		}
		// The bytes of objects after the database, which then knows of none that
		// is not there.
		must(t, os.CopyFS(filepath.Join(kept, "objects"), os.DirFS(filepath.Join(data, "objects"))))
	})
	if code, _, said := commandLine(t, nil, "backup", file, "-data", data); code != 1 || !strings.Contains(said, "exists") {
		t.Errorf("a backup over another one exits with %d: %s", code, said)
	}
	p.kill()

	// What was kept is a data folder.
	dense(t, sqldb.Config{}, file)
	advance(t, r.seen+1000, nil, "-data", kept)
	again := newService(t, nil, "-data", kept, "-listen", strings.TrimPrefix(p.site.app, "http://"))
	again.site = p.site
	again.start()
	r.verify(again.site, r.seen+1000)
	again.end()
}
