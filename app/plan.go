package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley/pkg/connlimit"
	"parley/pkg/launch"
)

// plan is what a process with some targets would consist of.
type plan struct {
	config, defaults Config
	targets          []string
	modules          []string
	services         []named
}

// planOf returns the plan of a process without starting anything.
func planOf(config Config, targets []string) (plan, error) {
	if err := checkTargets(targets); err != nil {
		return plan{}, err
	}
	a := &App{config: config, options: Options{Targets: targets}}
	set, err := launch.New(config.Stop.Grace, a.modules()...)
	if err != nil {
		return plan{}, err
	}
	modules, err := set.Order(a.roots()...)
	defaults := Default()
	return plan{config, defaults, targets, modules, config.services(defaults)}, err
}

func (p plan) runs(module string) bool { return slices.Contains(p.modules, module) }

func (p plan) all() bool { return slices.Contains(p.targets, All) }

// listens reports whether the process takes requests of clients.
func (p plan) listens() bool {
	return slices.ContainsFunc([]string{"all-routes", "app", "group", "oss", "connect"}, p.runs)
}

// String says in a line each what runs, where it listens and what it connects to.
func (p plan) String() string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("targets: %s", strings.Join(p.targets, ", "))
	c := p.config
	for _, port := range []struct{ modules, what, address string }{
		{"app", "calls, records and users", c.App.Listen},
		{"all-routes", "every route", c.App.Listen},
		{"group", "groups", c.Group.Listen},
		{"oss", "object storage", c.Oss.Listen},
		{"connect", "sockets", c.Connect.Listen},
	} {
		if p.runs(port.modules) {
			line("listens on %s for HTTP: %s", port.address, port.what)
		}
	}
	for _, s := range p.services {
		if p.runs(s.name + "-rpc") {
			line("listens on %s for calls of %s-rpc", s.config.Listen, s.name)
		}
	}
	registry, _ := c.Registry.registry() // was checked
	for _, s := range p.services {
		if p.runs(s.name+"-client") && !p.runs(s.name+"-service") {
			line("calls %s-rpc at %s", s.name, s.where(registry))
		}
	}
	if p.runs("database") {
		line("database: %s", cmp.Or(withoutPassword(c.Database.DSN), "SQLite in "+databaseFile(c)))
	}
	if p.runs("redis") {
		line("redis: %s", cmp.Or(strings.Join(c.Redis.Addrs, ", "), "in this process"))
	}
	if p.runs("folder") {
		line("data folder: %s", c.Data)
	}
	if p.listens() {
		line("connections of clients: up to %d, with the files that a process may open here", maxConns(connlimit.Files()))
		line("a user may send %s", limitText(c.Limit.UserRate, c.Limit.UserBurst))
		line("an address may send %s", limitText(c.Limit.AddressRate, c.Limit.AddressBurst))
	}
	return text.String()
}

// limitText says what a limit is.
func limitText(perSecond, burst int) string {
	if perSecond == 0 {
		return "any number of requests"
	}
	r := rate(perSecond, burst)
	return fmt.Sprintf("%d requests a second, and %d at once after a rest", r.PerSecond, r.Burst)
}
