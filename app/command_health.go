package app

import (
	"context"
	"fmt"

	"parley/pkg/ops"
)

// health asks the process that runs with the same configuration on this machine how
// it is: for a container whose image has nothing else that could ask.
func (c *command) health(ctx context.Context) error {
	s := newSettings("health", false)
	address := s.flags.String("ops", "", "`host:port` of the operations port; goes before the key Ops.Listen")
	ready := s.flags.Bool("ready", false, "whether it is ready for traffic, and not only alive")
	config, err := c.load(s)
	if err != nil {
		return err
	}
	if *address == "" {
		*address = config.Ops.Listen
	}
	answer, err := ops.Ask(ctx, *address, *ready)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, answer)
	return err
}
