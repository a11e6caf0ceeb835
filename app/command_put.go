package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/app/client"
	"parley/app/put"
)

const (
	// leastPart is below what providers refuse a part that is not the last.
	leastPart = 5 << 20
	// mostParallel bounds the parts that are sent at once.
	mostParallel = 64
)

// put uploads a file and prints the url of the object.
func (c *command) put(ctx context.Context) error {
	o := put.Options{Part: 8 << 20, Err: c.err, Width: widthOf(c.err)}
	flags := flag.NewFlagSet("put", flag.ContinueOnError)
	as := flags.String("as", "", "")
	flags.StringVar(&o.URL, "url", "http://localhost:8888", "")
	flags.StringVar(&o.App, "app", "dtalk", "")
	flags.StringVar(&o.Type, "type", "", "")
	flags.StringVar(&o.Object, "key", "", "")
	flags.Func("part", "", func(text string) (err error) {
		o.Part, err = parseSize(text)
		return err
	})
	flags.IntVar(&o.Parallel, "parallel", 4, "")
	flags.StringVar(&o.State, "state", "", "")
	abort := flags.Bool("abort", false, "")
	var err error
	if o.File, err = c.parseFile(flags); err != nil {
		return err
	}
	switch {
	case o.File == "":
		return fmt.Errorf("put takes a file: %w", errUsage)
	case o.Part < leastPart:
		return fmt.Errorf("-part %s is too small: providers take parts from %s: %w", put.Size(o.Part), put.Size(leastPart), errUsage)
	case o.Parallel < 1 || o.Parallel > mostParallel:
		return fmt.Errorf("-parallel %d is not from 1 to %d: %w", o.Parallel, mostParallel, errUsage)
	}
	if o.Key, err = keyOf(*as); err != nil {
		return err
	}
	logx.Disable() // go-zero says something at a signal
	if *abort {
		return put.Abort(ctx, o)
	}
	url, err := put.Run(ctx, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, client.Clean(url))
	return err
}

// parseFile reads the flags of a command that takes one file, which may stand before,
// between or behind them.
func (c *command) parseFile(flags *flag.FlagSet) (file string, err error) {
	flags.SetOutput(io.Discard) // the error of parse says it
	if flags.Parse(c.args) == nil && flags.NArg() > 0 {
		file, c.args = flags.Arg(0), flags.Args()[1:]
	}
	return file, c.parse(flags)
}

// parseSize reads a number of bytes such as 8388608, 8MiB or 8M.
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "KMGiB")
	shift, ok := map[string]int{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30}[text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || n < 0 || n > 1<<40>>shift {
		return 0, fmt.Errorf("%q is not a size such as 8MiB", text)
	}
	return n << shift, nil
}
