package rpc

import (
	"net"
	"os"

	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/netx"
)

// Registry is the etcd in which servers enter themselves and clients find them.
type Registry struct {
	// Hosts are the addresses of etcd. Without any there is no registry.
	Hosts []string
	// User and Password are empty where etcd asks for none.
	User, Password string
}

// key is where the servers of a service enter themselves.
func key(service string) string { return "parley/" + service }

// enter publishes the address of a server until leave is called. The entry has
// a lease, so it also goes when the process dies.
func (r Registry) enter(service, address string) (leave func(), err error) {
	if len(r.Hosts) == 0 {
		return func() {}, nil
	}
	var options []discov.PubOption
	if r.User != "" {
		options = append(options, discov.WithPubEtcdAccount(r.User, r.Password))
	}
	publisher := discov.NewPublisher(r.Hosts, key(service), address, options...)
	if err := publisher.KeepAlive(); err != nil {
		return nil, err
	}
	return publisher.Stop, nil
}

// advertised is the address that callers are told: as configured, else where
// the server listens. A server that listens everywhere names one address of
// its machine, in Kubernetes that of its pod.
func advertised(c ServerConfig, listening string) string {
	if c.Advertise != "" {
		return c.Advertise
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return listening
	}
	if pod := os.Getenv("POD_IP"); pod != "" {
		return net.JoinHostPort(pod, port)
	}
	return net.JoinHostPort(netx.InternalIp(), port)
}
