package e2e

import (
	"net/http"
	"strings"
	"time"
)

// site is where a Parley answers: each gateway at its own address, or all of
// them at the same.
type site struct{ app, group, oss, connect string }

// oneAddress is a site where all gateways answer at one address.
func oneAddress(url string) site { return site{app: url, group: url, oss: url, connect: url} }

// url returns where a path is served.
func (s site) url(path string) string { return s.gatewayOf(path) + path }

// gatewayOf returns the address of the gateway that serves a path, as a proxy
// in front of them would find it.
func (s site) gatewayOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/group/"):
		return s.group
	case strings.HasPrefix(path, "/oss/"):
		return s.oss
	}
	return s.app
}

// gateways are the addresses of the site, each with its name.
func (s site) gateways() map[string]string {
	return map[string]string{"app": s.app, "group": s.group, "oss": s.oss, "connect": s.connect}
}

// httpClient keeps enough connections for the crowds of some tests.
var httpClient = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 256, IdleConnTimeout: 10 * time.Second},
}
