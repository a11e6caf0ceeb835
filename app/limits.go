package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/connlimit"
	"parley/pkg/gateway"
	"parley/pkg/launch"
	"parley/pkg/ratelimit"
)

// LimitConfig is how many requests users and addresses may send.
type LimitConfig struct {
	UserRate     int           `yaml:"UserRate"`
	UserBurst    int           `yaml:"UserBurst"`
	AddressRate  int           `yaml:"AddressRate"`
	AddressBurst int           `yaml:"AddressBurst"`
	Timeout      time.Duration `yaml:"Timeout"`
}

// maxLimitTimeout is how long a request may wait for its limit. Longer than a client
// waits is as good as for ever.
const maxLimitTimeout = 10 * time.Second

// any reports whether anything is limited.
func (c LimitConfig) any() bool { return c.UserRate+c.AddressRate > 0 }

// rate is a limit that is configured, with its burst.
func rate(perSecond, burst int) ratelimit.Rate {
	if burst == 0 {
		burst = 2 * perSecond
	}
	return ratelimit.Rate{PerSecond: perSecond, Burst: burst}
}

func (k *checker) proxies(list []string) {
	for _, text := range list {
		_, err := parsePrefix(text)
		k.that(err == nil, "Proxies", fmt.Sprintf("%q", text), "an address, or a network such as 10.0.0.0/8")
	}
}

func (k *checker) limit(c LimitConfig) {
	k.that(c.Timeout >= time.Millisecond && c.Timeout <= maxLimitTimeout, "Limit.Timeout", c.Timeout, fmt.Sprintf("from 1ms to %s", maxLimitTimeout))
	for _, l := range []struct {
		name        string
		rate, burst int
	}{{"User", c.UserRate, c.UserBurst}, {"Address", c.AddressRate, c.AddressBurst}} {
		k.that(l.rate >= 0 && l.rate <= ratelimit.MaxPerSecond, "Limit."+l.name+"Rate", l.rate, fmt.Sprintf("from 0 to %d", ratelimit.MaxPerSecond))
		k.that(l.burst >= 0 && l.burst <= ratelimit.MaxBurst, "Limit."+l.name+"Burst", l.burst, fmt.Sprintf("from 0 to %d", ratelimit.MaxBurst))
		k.that(l.burst == 0 || l.rate > 0, "Limit."+l.name+"Burst", l.burst, "0 where Limit."+l.name+"Rate is 0")
	}
}

// needsLimits is what a module needs that takes requests: limits, where there are any.
func (a *App) needsLimits(needs ...string) []string {
	if a.config.Limit.any() {
		needs = append(needs, "limits")
	}
	return needs
}

func (a *App) startLimits(context.Context) (launch.Stop, error) {
	if c := a.config.Limit; c.UserRate > 0 {
		a.users = ratelimit.New(a.redis, "user", rate(c.UserRate, c.UserBurst), c.Timeout)
	}
	if c := a.config.Limit; c.AddressRate > 0 {
		a.addressRate = ratelimit.New(a.redis, "address", rate(c.AddressRate, c.AddressBurst), c.Timeout)
	}
	return nil, nil
}

// gateway returns the configuration of a gateway, with what all gateways have.
func (a *App) gateway(name string, g GatewayConfig) gateway.Config {
	config := g.gateway(name)
	config.Proxies = a.config.proxies()
	config.Users, config.Addresses = a.users, a.addressRate
	config.Leaving = a.leaving.Load
	return config
}

// proxies returns the proxies. They were checked when the configuration was loaded.
func (c Config) proxies() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range c.Proxies {
		if network, err := parsePrefix(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

// parsePrefix reads 192.0.2.0/24, or 192.0.2.1 for one address.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(text)
}

// maxConns returns how many connections a process may have to its clients that may
// open so many files: an eighth is for its own work, such as the database and files
// on their way.
func maxConns(files int64) int64 { return files - files/8 }

// checkConns reports what the configuration wants of the targets' ports and a process
// with so many files cannot have.
func (c Config) checkConns(targets []string, files int64) error {
	var k checker
	most := maxConns(files)
	for _, port := range []struct {
		targets []string
		key     string
		conns   int
	}{
		{[]string{All, "app"}, "App.MaxConns", c.App.MaxConns},
		{[]string{All, "group"}, "Group.MaxConns", c.Group.MaxConns},
		{[]string{All, "oss"}, "Oss.MaxConns", c.Oss.MaxConns},
		{c.socketTargets(), "Connect.MaxConns", c.Connect.MaxConns},
	} {
		if overlap(port.targets, targets) {
			k.that(int64(port.conns) <= most, port.key, port.conns, fmt.Sprintf(
				"at most %d: the process may open %d files, and needs an eighth of them itself; allow it more (ulimit -n, LimitNOFILE)", most, files))
		}
	}
	return errors.Join(k.errs...)
}

// newBudget is how many connections this process may have to its clients.
func (a *App) newBudget() (*connlimit.Budget, error) {
	files := connlimit.Files()
	if err := a.config.checkConns(a.options.Targets, files); err != nil {
		return nil, err
	}
	if files < math.MaxInt64 {
		logx.Infof("the process may open %d files, so it takes up to %d connections of clients", files, maxConns(files))
	}
	return connlimit.NewBudget(maxConns(files)), nil
}

// socketTargets are the targets in whose process sockets are.
func (c Config) socketTargets() []string {
	if c.Connect.WithApp {
		return []string{All, "connect", "app"}
	}
	return []string{All, "connect"}
}
