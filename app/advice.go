package app

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"parley/oss"
	"parley/pkg/connlimit"
	"parley/pkg/rpc"
)

// advice is what is allowed in a configuration and rarely meant. A process starts
// with it all the same.
type advice struct {
	Config
	plan plan
	said []string
}

// advise says what an operator should look at again before the targets run.
func (c Config) advise(p plan) []string {
	a := &advice{Config: c, plan: p}
	a.stores()
	a.secrets()
	a.services()
	a.storage()
	a.limits()
	return a.said
}

// that says something unless ok.
func (a *advice) that(ok bool, key string, value any, why string) {
	if !ok {
		a.said = append(a.said, fmt.Sprintf("%s is %v: %s", key, value, why))
	}
}

// stores looks for processes that would each have a database or a Redis of their own.
func (a *advice) stores() {
	server := a.Database.DSN != ""
	a.that(!a.plan.runs("database") || server || a.plan.all(), "Database.DSN", "empty",
		"the database is in the data folder, which one process uses at a time; other processes have no part in it")
	a.that(!a.plan.runs("redis") || len(a.Redis.Addrs) > 0 || a.plan.all() && !server, "Redis.Addrs", "empty",
		"this process has a Redis of its own; of other processes it knows no presence, no calls and no limits")
	host, _, err := net.SplitHostPort(a.Ops.Listen)
	a.that(err != nil || host != "" && !net.ParseIP(host).IsUnspecified(), "Ops.Listen", a.Ops.Listen,
		"whoever reaches it may change the level of the log, and take profiles where Ops.Pprof is set; keep it from outside")
	a.that(a.Trace.Endpoint != "" || a.Trace.Sample == a.plan.defaults.Trace.Sample, "Trace.Sample", a.Trace.Sample,
		"without Trace.Endpoint nothing is traced")
}

// secrets looks for secrets that are in the configuration or in the environment, from
// where they get into listings of processes, dumps and repositories.
func (a *advice) secrets() {
	const better = "it holds a secret, which is better kept in a file; see "
	if a.Database.DSN != "" {
		a.that(withoutPassword(a.Database.DSN) == a.Database.DSN, "Database.DSN", withoutPassword(a.Database.DSN), better+"Database.PasswordFile")
	}
	a.that(a.Call.Secret == "", "Call.Secret", "set", better+"Call.SecretFile")
	for i, app := range a.OssService.Apps {
		for j, p := range app.Providers {
			key := fmt.Sprintf("OssService.Apps[%d].Providers[%d].AccessKeySecret", i, j)
			a.that(p.AccessKeySecret == "", key, "set", better+"AccessKeySecretFile")
		}
	}
}

// services looks for services that would not be found.
func (a *advice) services() {
	for _, s := range a.plan.services {
		local := a.plan.runs(s.name + "-service")
		if a.plan.runs(s.name+"-client") && !local && len(a.Registry.Hosts) == 0 {
			a.that(len(s.config.Endpoints) > 0, s.key+".Endpoints", "empty",
				"without a registry the service is looked for at "+s.unconfigured)
		}
		if a.plan.runs(s.name+"-rpc") && len(a.Registry.Hosts) > 0 && s.config.Advertise == "" {
			host, _, err := net.SplitHostPort(s.config.Listen)
			a.that(err != nil || !isLoopback(host), s.key+".Listen", s.config.Listen,
				"the registry would send callers on other machines to it; set "+s.key+".Advertise, or listen on all addresses")
		}
	}
	server := a.Database.DSN != ""
	a.that(!server || a.Call.AppID != 0 || !a.plan.runs("call-service"), "Call.AppID", a.Call.AppID, "no call can be started")
	a.that(!server || len(a.OssService.Apps) > 0 || !a.plan.runs("oss-service"), "OssService.Apps", "empty", "nothing can be uploaded")
}

// storage looks for a local store that not all who need it would see.
func (a *advice) storage() {
	if a.plan.all() && a.Database.DSN == "" || !a.plan.runs("oss-service") && !a.plan.runs("oss-routes") {
		return
	}
	for i, app := range a.OssService.Apps {
		for j, p := range app.Providers {
			a.that(p.Type != oss.Local, fmt.Sprintf("OssService.Apps[%d].Providers[%d].Type", i, j), p.Type,
				"its objects are in the data folder, which every oss gateway and oss-rpc must share, on one volume")
		}
	}
}

// limits looks for limits that hit the wrong ones, or nobody.
func (a *advice) limits() {
	for _, text := range a.Proxies {
		network, err := parsePrefix(text)
		a.that(err != nil || network.Bits() > 0, "Proxies", text, "anybody may claim to come from anywhere")
	}
	if a.plan.listens() && len(a.Proxies) == 0 {
		const one = "without Proxies all clients behind a proxy count as one address"
		a.that(a.Limit.AddressRate == 0, "Limit.AddressRate", a.Limit.AddressRate, one)
		a.that(a.Connect.MaxPerAddress == 0, "Connect.MaxPerAddress", a.Connect.MaxPerAddress, one)
	}
	for _, err := range flat(a.checkConns(a.plan.targets, connlimit.Files())) {
		a.said = append(a.said, err.Error())
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// named is a service in the configuration.
type named struct {
	name, key    string
	config       ServiceConfig
	unconfigured string // where it is called if nothing else is known
}

// services lists the services. Those that are not configured are where the defaults
// have them listen.
func (c Config) services(d Config) []named {
	return []named{
		{"record", "Record", c.Record.ServiceConfig, d.Record.Listen},
		{"group", "GroupService", c.GroupService.ServiceConfig, d.GroupService.Listen},
		{"call", "Call", c.Call.ServiceConfig, d.Call.Listen},
		{"oss", "OssService", c.OssService.ServiceConfig, d.OssService.Listen},
	}
}

// where returns where a service in another process is called.
func (s named) where(registry rpc.RegistryConfig) string {
	switch {
	case len(s.config.Endpoints) > 0:
		return strings.Join(s.config.Endpoints, ", ")
	case len(registry.Hosts) > 0:
		return "the addresses in the registry at " + strings.Join(registry.Hosts, ", ")
	default:
		return s.unconfigured
	}
}

// overlap reports whether two lists have something in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}
