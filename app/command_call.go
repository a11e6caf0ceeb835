package app

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/app/ring"
	"parley/pkg/id"
)

// call calls users, or waits for calls, in the terminal.
func (c *command) call(ctx context.Context) error {
	o := ring.Options{In: c.in, Out: c.out, Short: terminal(c.in, c.out) != nil}
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	as := flags.String("as", "", "")
	to := flags.String("to", "", "")
	group := flags.String("group", "", "")
	flags.BoolVar(&o.Video, "video", false, "")
	flags.StringVar(&o.Answer, "answer", "", "")
	flags.BoolVar(&o.Once, "once", false, "")
	flags.StringVar(&o.URL, "url", "http://localhost:8888", "")
	flags.StringVar(&o.Socket, "socket", "", "")
	if err := c.parse(flags); err != nil {
		return err
	}
	var err error
	if *to != "" {
		if o.To, err = parseUIDs(*to); err != nil {
			return fmt.Errorf("-to: %w: %w", err, errUsage)
		}
	}
	if *group != "" {
		if o.Group, err = id.ParseGID(*group); err != nil {
			return fmt.Errorf("-group %q: %w: %w", *group, err, errUsage)
		}
	}
	switch {
	case *to == "" && (o.Group != 0 || o.Video):
		return fmt.Errorf("-group and -video are for who calls: give -to with the uids of others: %w", errUsage)
	case *to != "" && (o.Answer != "" || o.Once):
		return fmt.Errorf("-answer and -once are for who waits for calls, without -to: %w", errUsage)
	case len(o.To) > 1 && o.Group == 0:
		return fmt.Errorf("-to names several: give -group with the group that they are in: %w", errUsage)
	case o.Answer != "" && !slices.Contains(ring.Answers, o.Answer):
		return fmt.Errorf("-answer %q is none of %s: %w", o.Answer, strings.Join(ring.Answers, ", "), errUsage)
	}
	if o.Key, err = keyOf(*as); err != nil {
		return err
	}
	logx.Disable() // go-zero says something at a signal
	return ring.Run(ctx, o)
}

// parseUIDs reads uids that are separated by commas.
func parseUIDs(list string) ([]id.UID, error) {
	var uids []id.UID
	for word := range strings.SplitSeq(list, ",") {
		u := id.UID(word)
		if !u.Valid() {
			return nil, fmt.Errorf("%q is not a uid", word)
		}
		uids = append(uids, u)
	}
	return uids, nil
}
