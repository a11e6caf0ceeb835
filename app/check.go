package app

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"parley/pkg/tlsx"
)

// checker collects what is wrong with a configuration, so that an operator
// sees all of it at once.
type checker struct{ errs []error }

func (c *checker) that(ok bool, key string, value any, allowed string) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s is %v and must be %s", key, value, allowed))
	}
}

func (c *checker) positive(key string, d time.Duration) { c.that(d > 0, key, d, "longer than 0s") }

func (c *checker) address(key, address string) {
	_, _, err := net.SplitHostPort(address)
	c.that(err == nil, key, fmt.Sprintf("%q", address), "host:port or :port")
}

func (c *checker) addresses(key string, list []string) {
	for _, address := range list {
		host, _, err := net.SplitHostPort(address)
		c.that(err == nil && host != "", key, fmt.Sprintf("%q", list), "a list of host:port")
	}
}

func (c *checker) gateway(key string, g GatewayConfig) {
	c.address(key+".Listen", g.Listen)
	c.that(g.MaxBody >= 1<<10, key+".MaxBody", g.MaxBody, "at least 1024")
	c.that(g.MaxInFlight >= 1, key+".MaxInFlight", g.MaxInFlight, "at least 1")
	c.that(g.MaxConns >= 0, key+".MaxConns", g.MaxConns, "at least 0")
	c.positive(key+".Deadline", g.Deadline)
	c.positive(key+".ReadTimeout", g.ReadTimeout)
}

func (c *checker) service(key string, s ServiceConfig) {
	c.address(key+".Listen", s.Listen)
	if s.Advertise != "" {
		c.address(key+".Advertise", s.Advertise)
	}
	c.addresses(key+".Endpoints", s.Endpoints)
}

func (c *checker) call(call CallConfig) {
	c.service("Call", call.ServiceConfig)
	c.that(call.AppID >= 0, "Call.AppID", call.AppID, "a positive number, or 0 for none")
	c.that((call.AppID != 0) == (call.Secret+call.SecretFile != ""), "Call.AppID", call.AppID, "set together with Call.SecretFile or Call.Secret")
	c.that(call.Secret == "" || call.SecretFile == "", "Call.SecretFile", call.SecretFile, "empty where Call.Secret is set")
	c.that(call.TicketExpire >= time.Minute && call.TicketExpire <= math.MaxInt32*time.Second, "Call.TicketExpire", call.TicketExpire, "from 1m to 68 years")
	c.that(call.Ring >= time.Second && call.Ring <= time.Hour, "Call.Ring", call.Ring, "from 1s to 1h")
	c.that(call.MaxInvitees >= 1 && call.MaxInvitees <= 100, "Call.MaxInvitees", call.MaxInvitees, "from 1 to 100")
	c.that(call.Keep >= time.Minute, "Call.Keep", call.Keep, "at least 1m")
}

// check reports every value of c that is not allowed. It connects to nothing.
func (c Config) check() []error {
	var k checker
	k.that(c.Data != "", "Data", `""`, "a folder")
	_, ok := logLevels[c.Log.Level]
	k.that(ok, "Log.Level", c.Log.Level, "debug, info, error or severe")
	if c.Ops.Listen != "" {
		k.address("Ops.Listen", c.Ops.Listen)
	}
	k.that(c.Stop.Delay >= 0, "Stop.Delay", c.Stop.Delay, "at least 0s")
	k.positive("Stop.Grace", c.Stop.Grace)
	k.positive("Token.Window", c.Token.Window)
	k.that(c.Token.Remember > 0, "Token.Remember", c.Token.Remember, "at least 1")
	k.proxies(c.Proxies)
	k.limit(c.Limit)
	k.gateway("App", c.App)
	k.gateway("Group", c.Group)
	k.oss(c.Oss, c.OssService)
	k.address("Connect.Listen", c.Connect.Listen)
	k.that(c.Connect.MaxFrame >= 1<<10, "Connect.MaxFrame", c.Connect.MaxFrame, "at least 1024")
	k.that(c.Connect.MaxFrames >= 1, "Connect.MaxFrames", c.Connect.MaxFrames, "at least 1")
	k.that(c.Connect.MaxSockets >= 1, "Connect.MaxSockets", c.Connect.MaxSockets, "at least 1")
	k.that(c.Connect.MaxConns >= 0, "Connect.MaxConns", c.Connect.MaxConns, "at least 0")
	k.that(c.Connect.MaxPerAddress >= 0, "Connect.MaxPerAddress", c.Connect.MaxPerAddress, "at least 0")
	k.that(c.Connect.Window >= 1, "Connect.Window", c.Connect.Window, "at least 1")
	k.that(c.Connect.WindowBytes >= 1 && c.Connect.WindowBytes <= 2<<20, "Connect.WindowBytes", c.Connect.WindowBytes, "from 1 to 2097152")
	k.positive("Connect.AuthTimeout", c.Connect.AuthTimeout)
	k.positive("Connect.RefusedTimeout", c.Connect.RefusedTimeout)
	k.positive("Connect.IdleTimeout", c.Connect.IdleTimeout)
	k.positive("Connect.ResendAfter", c.Connect.ResendAfter)
	k.positive("Connect.SilentAfter", c.Connect.SilentAfter)
	k.that(c.Connect.BacklogDelay >= 0, "Connect.BacklogDelay", c.Connect.BacklogDelay, "at least 0s")
	k.that(c.Connect.ReplacedDelay >= 0, "Connect.ReplacedDelay", c.Connect.ReplacedDelay, "at least 0s")
	k.service("Record", c.Record.ServiceConfig)
	k.that(c.Record.MaxBody >= 1 && c.Record.MaxBody <= 64<<10, "Record.MaxBody", c.Record.MaxBody, "from 1 to 65536")
	k.that(c.Record.Backlog >= 0, "Record.Backlog", c.Record.Backlog, "at least 0s")
	k.service("GroupService", c.GroupService.ServiceConfig)
	k.that(c.GroupService.MaxMembers >= 1 && c.GroupService.MaxMembers <= 5000, "GroupService.MaxMembers", c.GroupService.MaxMembers, "from 1 to 5000")
	k.that(c.GroupService.MaxAdmins >= 0, "GroupService.MaxAdmins", c.GroupService.MaxAdmins, "at least 0")
	k.call(c.Call)
	k.positive("Revoke.Expire", c.Revoke.Expire)
	k.positive("Rpc.Timeout", c.Rpc.Timeout)
	k.positive("Rpc.StartTimeout", c.Rpc.StartTimeout)
	k.addresses("Registry.Hosts", c.Registry.Hosts)
	k.that(c.Registry.Prefix != "" && strings.Trim(c.Registry.Prefix, "/ ") == c.Registry.Prefix, "Registry.Prefix", fmt.Sprintf("%q", c.Registry.Prefix), "a name that does not begin or end with / or a space")
	k.that(c.Trace.Sample >= 0 && c.Trace.Sample <= 1, "Trace.Sample", c.Trace.Sample, "from 0 to 1")
	_, registry := c.Registry.registry()
	_, traces := tlsx.Load("Trace", c.Trace.ClientConfig)
	return flat(errors.Join(append(k.errs, registry, traces, c.Database.Check(), c.Redis.Check())...))
}
