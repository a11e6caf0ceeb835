package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/app"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// rolled is a socket gateway that is stopped in order and started again.
type rolled struct {
	stop, start func()
}

// twoGateways starts Parley in parts with two socket gateways on one database: in
// processes where there are servers, and else in this one, since SQLite is for
// one process. Only what nobody confirms is sent again.
func twoGateways(t *testing.T) (site, []string, []rolled) {
	t.Helper()
	const never = "PARLEY_CONNECT_RESENDAFTER=5m"
	if os.Getenv(sqldbtest.EnvMySQL) != "" {
		s := startServices(t)
		var gateways []rolled
		for i, p := range s.connects {
			gateways = append(gateways, rolled{
				stop: func() {
					p.signal(syscall.SIGTERM)
					if code := p.exit(); code != 0 {
						t.Errorf("it ends with exit code %d, want 0", code)
					}
				},
				start: func() {
					p.run()
					if err := answers(t.Context(), s.gateways[i]+"/ping"); err != nil {
						t.Errorf("it does not answer again: %v", err)
					}
				},
			})
		}
		return s.site, s.gateways, gateways
	}
	return site{}, nil, nil
}
