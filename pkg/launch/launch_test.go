package launch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// diary records what modules do, in order.
type diary struct{ lines []string }

// module returns a module that writes into the diary.
func (d *diary) module(name string, needs ...string) Module {
	return Module{Name: name, Needs: needs, Start: func(context.Context) (Stop, error) {
		d.lines = append(d.lines, "+"+name)
		return func(context.Context) error {
			d.lines = append(d.lines, "-"+name)
			return nil
		}, nil
	}}
}

func (d *diary) expect(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(d.lines, " "); got != want {
		t.Errorf("modules did %q, want %q", got, want)
	}
}

func newSet(t *testing.T, modules ...Module) *Set {
	t.Helper()
	set, err := New(time.Minute, modules...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestATargetStartsAfterWhatItNeedsAndStopsBefore(t *testing.T) {
	t.Parallel()
	var d diary
	set := newSet(t, d.module("gateway", "record", "redis"), d.module("record", "database", "redis"),
		d.module("database"), d.module("redis"), d.module("unused", "database"))
	running, err := set.Start(t.Context(), "gateway", "record", "gateway")
	if err != nil {
		t.Fatal(err)
	}
	if got := running.Names(); !slices.Equal(got, []string{"database", "redis", "record", "gateway"}) {
		t.Errorf("running are %v", got)
	}
	if err := running.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	d.expect(t, "+database +redis +record +gateway -gateway -record -redis -database")
}

func TestAFailingStartStopsWhatWasStarted(t *testing.T) {
	t.Parallel()
	var d diary
	cause := errors.New("port taken")
	set := newSet(t, d.module("database"), d.module("redis"), d.module("after", "gateway"),
		Module{Name: "gateway", Needs: []string{"database", "redis"}, Start: func(context.Context) (Stop, error) { return nil, cause }})
	_, err := set.Start(t.Context(), "after")
	if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "start gateway: ") {
		t.Errorf("the error is %v, want one that names the gateway and its cause", err)
	}
	d.expect(t, "+database +redis -redis -database")
}

func TestAStartThatIsGivenUpStopsWhatWasStarted(t *testing.T) {
	t.Parallel()
	var d diary
	ctx, cancel := context.WithCancel(t.Context())
	waits := Module{Name: "database", Needs: []string{"folder"}, Start: func(ctx context.Context) (Stop, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	set := newSet(t, d.module("folder"), waits)
	if _, err := set.Start(ctx, "database"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := set.Start(ctx, "folder"); !errors.Is(err, context.Canceled) {
		t.Errorf("a start that was given up before it began: %v", err)
	}
	d.expect(t, "+folder -folder")
}

func TestAFailingStopDoesNotKeepOthersFromStopping(t *testing.T) {
	t.Parallel()
	var d diary
	cause := errors.New("still busy")
	set := newSet(t, d.module("database"),
		Module{Name: "gateway", Needs: []string{"database"}, Start: func(context.Context) (Stop, error) {
			return func(context.Context) error { return cause }, nil
		}},
		Module{Name: "nothing to stop", Needs: []string{"gateway"}, Start: func(context.Context) (Stop, error) { return nil, nil }})
	running, err := set.Start(t.Context(), "nothing to stop")
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Stop(t.Context()); !errors.Is(err, cause) || !strings.Contains(err.Error(), "stop gateway: ") {
		t.Errorf("the error is %v, want one that names the gateway and its cause", err)
	}
	d.expect(t, "+database -database")
}

func TestStoppingHasAGrace(t *testing.T) {
	t.Parallel()
	set, err := New(time.Millisecond, Module{Name: "busy", Start: func(context.Context) (Stop, error) {
		return func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	running, err := set.Start(t.Context(), "busy")
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Stop(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopping ended with %v, want the end of the grace", err)
	}
}

func TestSetsThatCannotWork(t *testing.T) {
	t.Parallel()
	var d diary
	for name, row := range map[string]struct {
		modules []Module
		want    string
	}{
		"a cycle":         {[]Module{d.module("a", "b"), d.module("b", "c"), d.module("c", "a")}, "a → b → c → a"},
		"itself":          {[]Module{d.module("a", "a")}, "a → a"},
		"an unknown need": {[]Module{d.module("a", "b")}, "there is no module a → b"},
		"a name twice":    {[]Module{d.module("a"), d.module("a")}, "module a is there twice"},
	} {
		if _, err := New(time.Minute, row.modules...); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, row.want)
		}
	}
}

func TestAnUnknownTargetStartsNothing(t *testing.T) {
	t.Parallel()
	var d diary
	if _, err := newSet(t, d.module("a")).Start(t.Context(), "a", "b"); err == nil || !strings.Contains(err.Error(), "no module b") {
		t.Errorf("the error is %v", err)
	}
	d.expect(t, "")
}
