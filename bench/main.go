// Command bench measures Parley and judges it by ratios.
//
// Absolute figures say as much about a machine as about a program, so every
// limit here is a ratio of two figures of the same run: what Parley does
// against a bare loop that does the least that any server would have to do (see
// calibrate.go). A ratio is made of two measurements of the same round, so that
// a slow moment of the machine hits both, and the median of the rounds counts.
// The absolute figures are in the report too. Parley, MariaDB,
// Redis and the load share the machine; the CPU of a request is that of the
// three servers, without the load.
//
// It is no test: the servers are real processes, and what is noise on one
// machine is a finding on another. It runs on Linux, with MariaDB and Redis
// installed, and leaves nothing behind but its report.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
)

// options are what a run can be told.
type options struct {
	scenarios  *regexp.Regexp
	rounds     int
	window     time.Duration
	report     string
	reportOnly bool
	profile    string
}

// maxWindow is the longest measurement: a token must be good for all of it.
const maxWindow = 30 * time.Second

func main() {
	var o options
	pattern := flag.String("run", "", "run only the scenarios that this regular expression finds: "+strings.Join(scenarios, ", "))
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything is measured; the median counts")
	flag.DurationVar(&o.window, "window", 2*time.Second, "how long one measurement takes")
	flag.StringVar(&o.report, "o", "", "file for the report; the default is the standard output")
	flag.BoolVar(&o.reportOnly, "report-only", false, "succeed even when a limit is missed")
	flag.StringVar(&o.profile, "profile", "", "folder for profiles of the servers by perf, one for each measurement")
	bare := flag.Bool("bare", false, "be the bare server that the benchmark compares with; for its own use")
	bareSockets := flag.Bool("bare-sockets", false, "be the bare socket server that the benchmark compares with; for its own use")
	bareStore := flag.String("bare-store", "", "be the bare store, in this folder, that the benchmark compares with; for its own use")
	flag.Parse()
	logx.Disable() // what migrations say is of no interest here

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("unknown argument %q", flag.Arg(0))
	case o.rounds < 1 || o.window <= 0 || o.window > maxWindow:
		err = fmt.Errorf("there must be a round at least, and a window of at most %s", maxWindow)
	case *bare:
		err = serveBare(os.Stdin, os.Stdout)
	case *bareSockets:
		err = serveBareSockets(os.Stdin, os.Stdout)
	case *bareStore != "":
		err = serveBareStore(*bareStore, os.Stdin, os.Stdout)
	default:
		if o.scenarios, err = regexp.Compile(*pattern); err == nil {
			err = run(ctx, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run measures, writes the report and fails when a limit was missed.
func run(ctx context.Context, o options) error {
	r := newReport()
	if err := measure(ctx, o, r); err != nil {
		return err
	}
	out := io.Writer(os.Stdout)
	if o.report != "" {
		f, err := os.Create(o.report)
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		defer f.Close()
		out = io.MultiWriter(out, f)
	}
	if err := r.write(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if missed := r.missed(); missed > 0 && !o.reportOnly {
		return fmt.Errorf("%d of %d limits were missed", missed, len(r.limits))
	}
	return nil
}
