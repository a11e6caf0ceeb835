// Package launch starts and stops the parts of a process. Each part is a named
// module that says what it needs; a process is told which modules it is for,
// its targets, and gets those with everything below them: started one by one
// when what they need is ready, stopped in reverse. It is the scheme of
// Grafana's Loki and Mimir in a small size. What a module is, launch does not
// know.
package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Stop ends a module. It finishes what is in flight, and gives that up when
// the context ends.
type Stop func(context.Context) error

// Module is a part of a process.
type Module struct {
	Name string
	// Needs names the modules that have to be ready before this one starts
	// and that outlive it.
	Needs []string
	// Start returns when the module is ready to be used. Its context is for
	// starting only and ends when the start is given up. The Stop may be nil.
	Start func(ctx context.Context) (Stop, error)
}

// Set is all modules that a process could be made of.
type Set struct {
	grace   time.Duration
	modules map[string]Module
}

// New returns the set of modules, if their names are unique and what each
// needs is there without a cycle. The grace is how long stopping may take.
func New(grace time.Duration, modules ...Module) (*Set, error) {
	s := &Set{grace: grace, modules: make(map[string]Module, len(modules))}
	for _, m := range modules {
		if _, ok := s.modules[m.Name]; ok {
			return nil, fmt.Errorf("module %s is there twice", m.Name)
		}
		s.modules[m.Name] = m
	}
	for _, m := range modules {
		if _, err := s.order(m.Name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Start starts the targets and what they need. When a module fails, those that
// were started are stopped again and the error names the one that failed.
func (s *Set) Start(ctx context.Context, targets ...string) (*Running, error) {
	order, err := s.order(targets...)
	if err != nil {
		return nil, err
	}
	r := &Running{grace: s.grace}
	for _, m := range order {
		err := ctx.Err()
		if err == nil {
			err = r.start(ctx, m)
		}
		if err != nil {
			err = fmt.Errorf("start %s: %w", m.Name, err)
			return nil, errors.Join(err, r.Stop(context.WithoutCancel(ctx)))
		}
	}
	return r, nil
}

// Order returns the names of the targets and of what they need, as Start starts them.
func (s *Set) Order(targets ...string) ([]string, error) {
	order, err := s.order(targets...)
	names := make([]string, len(order))
	for i, m := range order {
		names[i] = m.Name
	}
	return names, err
}

// order returns the targets and what they need, each after its own needs.
func (s *Set) order(targets ...string) ([]Module, error) {
	var order []Module
	done := make(map[string]bool)
	var visit func(name string, path []string) error
	visit = func(name string, path []string) error {
		if slices.Contains(path, name) {
			return fmt.Errorf("modules need each other in a circle: %s", strings.Join(append(path, name), " → "))
		}
		if done[name] {
			return nil
		}
		path = append(path, name)
		m, ok := s.modules[name]
		if !ok {
			return fmt.Errorf("there is no module %s", strings.Join(path, " → "))
		}
		for _, need := range m.Needs {
			if err := visit(need, path); err != nil {
				return err
			}
		}
		done[name] = true
		order = append(order, m)
		return nil
	}
	for _, target := range targets {
		if err := visit(target, nil); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// Running is the modules of a set that were started.
type Running struct {
	grace   time.Duration
	started []started
}

type started struct {
	name string
	stop Stop
}

func (r *Running) start(ctx context.Context, m Module) error {
	stop, err := m.Start(ctx)
	if err != nil {
		return err
	}
	r.started = append(r.started, started{m.Name, stop})
	return nil
}

// Names returns the modules in the order in which they were started.
func (r *Running) Names() []string {
	names := make([]string, len(r.started))
	for i, m := range r.started {
		names[i] = m.name
	}
	return names
}

// Stop stops the modules, the last one first. All of them together have the
// grace of the set, or less when ctx ends before; one that fails does not keep
// the others from being stopped. Stop is called once.
func (r *Running) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.grace)
	defer cancel()
	var errs []error
	for _, m := range slices.Backward(r.started) {
		if m.stop == nil {
			continue
		}
		if err := m.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}
