package e2e

import (
	"os"
	"syscall"
	"testing"

	"parley/pkg/sqldb/sqldbtest"
)

// TestNothingThatWasAnsweredIsLost kills the process at random moments while
// people write, who send again what was not answered.
func TestNothingThatWasAnsweredIsLost(t *testing.T) {
	t.Parallel()
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.start()
	l := startLoad(t, 8, p.site)
	for range 5 {
		pause(t.Context(), moment())
		p.kill()
		p.start()
		l.progress(p.site, 1)
	}
	l.verify(5)
}

// TestAStopFinishesWhatIsInFlight stops the process in order under the same
// load: it ends well each time and leaves nothing behind.
func TestAStopFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.start()
	l := startLoad(t, 8, p.site)
	for range 3 {
		pause(t.Context(), moment())
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 {
			t.Errorf("it ends with exit code %d, want 0", code)
		}
		p.start()
		l.progress(p.site, 1)
	}
	l.verify(3)
}

// serverEnv configures a process for the servers of this run, if there are any:
// a database of its own on the MySQL server.
func serverEnv(t testing.TB) []string {
	t.Helper()
	if os.Getenv(sqldbtest.EnvMySQL) == "" {
		return nil
	}
	cfg, _ := sqldbtest.Config(t)
	return []string{"PARLEY_DATABASE_DSN=" + cfg.DSN}
}
