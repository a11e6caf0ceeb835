package app

import (
	"cmp"
	"context"
	"fmt"

	"parley/pkg/ops"
)

// opsUsage is of the flag with which commands find another process.
const opsUsage = "`host:port` of the operations port; goes before the key Ops.Listen"

// health asks the process that runs with the same configuration on this machine how
// it is: for a container whose image has nothing else that could ask.
func (c *command) health(ctx context.Context) error {
	s := newSettings("health", false)
	address := s.flags.String("ops", "", opsUsage)
	ready := s.flags.Bool("ready", false, "whether it is ready for traffic, and not only alive")
	config, err := c.load(s)
	if err != nil {
		return err
	}
	answer, err := ops.Ask(ctx, cmp.Or(*address, config.Ops.Listen), *ready)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, answer)
	return err
}
