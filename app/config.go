package app

import (
	_ "embed"
	"time"

	"parley/app/call"
	"parley/app/connect"
	"parley/group"
	"parley/pkg/auth"
	"parley/pkg/gateway"
	"parley/pkg/redisx"
	"parley/pkg/rpc"
	"parley/pkg/secret"
	"parley/pkg/sqldb"
	"parley/pkg/tlsx"
	"parley/record"
	"parley/record/device"
)

// reference is the configuration with all defaults, and what operators are
// told about each key. It is the one place for both; a test holds it against
// the types below.
//
//go:embed config.yaml
var reference []byte

// Config is everything that operators set. Its keys are explained in
// config.yaml.
type Config struct {
	Data         string             `yaml:"Data"`
	Proxies      []string           `yaml:"Proxies"`
	Limit        LimitConfig        `yaml:"Limit"`
	Log          LogConfig          `yaml:"Log"`
	Ops          OpsConfig          `yaml:"Ops"`
	Stop         StopConfig         `yaml:"Stop"`
	Token        TokenConfig        `yaml:"Token"`
	App          GatewayConfig      `yaml:"App"`
	Group        GatewayConfig      `yaml:"Group"`
	Oss          OssConfig          `yaml:"Oss"`
	Connect      ConnectConfig      `yaml:"Connect"`
	Record       RecordConfig       `yaml:"Record"`
	GroupService GroupServiceConfig `yaml:"GroupService"`
	Call         CallConfig         `yaml:"Call"`
	OssService   OssServiceConfig   `yaml:"OssService"`
	Revoke       RevokeConfig       `yaml:"Revoke"`
	Rpc          RPCConfig          `yaml:"Rpc"`
	Registry     RegistryConfig     `yaml:"Registry"`
	Trace        TraceConfig        `yaml:"Trace"`
	Database     sqldb.Config       `yaml:"Database"`
	Redis        redisx.Config      `yaml:"Redis"`
}

// LogConfig is the log of the process.
type LogConfig struct {
	Level string `yaml:"Level"`
}

// OpsConfig is the operations port of the process.
type OpsConfig struct {
	Listen string `yaml:"Listen"`
	Pprof  bool   `yaml:"Pprof"`
}

// StopConfig is how a process ends.
type StopConfig struct {
	Delay time.Duration `yaml:"Delay"`
	Grace time.Duration `yaml:"Grace"`
}

// TokenConfig is how tokens are judged.
type TokenConfig struct {
	Window   time.Duration `yaml:"Window"`
	Remember int           `yaml:"Remember"`
}

func (c TokenConfig) verifier() *auth.Verifier {
	return auth.NewVerifier(auth.Config{Window: c.Window, Remember: c.Remember})
}

// GatewayConfig is an HTTP gateway.
type GatewayConfig struct {
	Listen      string        `yaml:"Listen"`
	MaxBody     int64         `yaml:"MaxBody"`
	MaxInFlight int64         `yaml:"MaxInFlight"`
	MaxConns    int           `yaml:"MaxConns"`
	Deadline    time.Duration `yaml:"Deadline"`
	ReadTimeout time.Duration `yaml:"ReadTimeout"`
}

func (c GatewayConfig) gateway(name string) gateway.Config {
	return gateway.Config{Name: name, MaxBody: c.MaxBody, MaxInFlight: c.MaxInFlight, Deadline: c.Deadline}
}

// ConnectConfig is the socket gateway.
type ConnectConfig struct {
	Listen         string        `yaml:"Listen"`
	WithApp        bool          `yaml:"WithApp"`
	MaxFrame       int           `yaml:"MaxFrame"`
	MaxFrames      int           `yaml:"MaxFrames"`
	MaxSockets     int           `yaml:"MaxSockets"`
	MaxConns       int           `yaml:"MaxConns"`
	MaxPerAddress  int           `yaml:"MaxPerAddress"`
	AuthTimeout    time.Duration `yaml:"AuthTimeout"`
	RefusedTimeout time.Duration `yaml:"RefusedTimeout"`
	IdleTimeout    time.Duration `yaml:"IdleTimeout"`
	BacklogDelay   time.Duration `yaml:"BacklogDelay"`
	ReplacedDelay  time.Duration `yaml:"ReplacedDelay"`
	Window         int           `yaml:"Window"`
	WindowBytes    int           `yaml:"WindowBytes"`
	ResendAfter    time.Duration `yaml:"ResendAfter"`
	SilentAfter    time.Duration `yaml:"SilentAfter"`
}

func (c ConnectConfig) connect() connect.Config {
	return connect.Config{
		MaxFrame: c.MaxFrame, MaxFrames: c.MaxFrames, MaxSockets: c.MaxSockets,
		MaxConns: c.MaxConns, MaxPerAddress: c.MaxPerAddress,
		AuthTimeout: c.AuthTimeout, RefusedTimeout: c.RefusedTimeout, IdleTimeout: c.IdleTimeout,
		BacklogDelay: c.BacklogDelay, ReplacedDelay: c.ReplacedDelay,
		Window: c.Window, WindowBytes: c.WindowBytes, ResendAfter: c.ResendAfter, SilentAfter: c.SilentAfter,
	}
}

// ServiceConfig is where a service takes calls and where it is called.
type ServiceConfig struct {
	Listen    string   `yaml:"Listen"`
	Advertise string   `yaml:"Advertise"`
	Endpoints []string `yaml:"Endpoints"`
}

// RecordConfig is the record service.
type RecordConfig struct {
	ServiceConfig
	MaxBody int           `yaml:"MaxBody"`
	Backlog time.Duration `yaml:"Backlog"`
}

func (c RecordConfig) device() device.Config { return device.Config{Backlog: c.Backlog} }

// GroupServiceConfig is the group service.
type GroupServiceConfig struct {
	ServiceConfig
	MaxMembers int32 `yaml:"MaxMembers"`
	MaxAdmins  int32 `yaml:"MaxAdmins"`
}

func (c GroupServiceConfig) group() group.Config {
	return group.Config{MaxMembers: c.MaxMembers, MaxAdmins: c.MaxAdmins}
}

// CallConfig is the call service.
type CallConfig struct {
	ServiceConfig
	AppID        int32         `yaml:"AppID"`
	Secret       string        `yaml:"Secret"`
	SecretFile   string        `yaml:"SecretFile"`
	TicketExpire time.Duration `yaml:"TicketExpire"`
	Ring         time.Duration `yaml:"Ring"`
	MaxInvitees  int           `yaml:"MaxInvitees"`
	Keep         time.Duration `yaml:"Keep"`
	Record       bool          `yaml:"Record"`
}

func (c CallConfig) call() call.Config {
	return call.Config{Ring: c.Ring, MaxInvitees: c.MaxInvitees, Record: c.Record, TicketExpire: c.TicketExpire}
}

// secret returns the secret of tickets, or "".
func (c CallConfig) secret() (string, error) {
	if c.Secret != "" {
		return c.Secret, nil
	}
	return secret.Read("Call.SecretFile", c.SecretFile)
}

// RevokeConfig is what authors may take back.
type RevokeConfig struct {
	Expire time.Duration `yaml:"Expire"`
}

func (c Config) record() record.Config {
	return record.Config{MaxBody: c.Record.MaxBody, RevokeExpire: c.Revoke.Expire}
}

// RPCConfig is how services call each other.
type RPCConfig struct {
	Timeout      time.Duration `yaml:"Timeout"`
	StartTimeout time.Duration `yaml:"StartTimeout"`
}

// RegistryConfig is the etcd of the services.
type RegistryConfig struct {
	Hosts        []string `yaml:"Hosts"`
	User         string   `yaml:"User"`
	PasswordFile string   `yaml:"PasswordFile"`
	tlsx.ClientConfig
	Prefix string `yaml:"Prefix"`
}

func (c RegistryConfig) registry() (rpc.RegistryConfig, error) {
	password, err := secret.Read("Registry.PasswordFile", c.PasswordFile)
	if err != nil {
		return rpc.RegistryConfig{}, err
	}
	secured, err := tlsx.Load("Registry", c.ClientConfig)
	return rpc.RegistryConfig{Hosts: c.Hosts, User: c.User, Password: password, TLS: secured, Prefix: c.Prefix}, err
}

// TraceConfig is where traces go.
type TraceConfig struct {
	Endpoint string `yaml:"Endpoint"`
	tlsx.ClientConfig
	Sample float64 `yaml:"Sample"`
}
