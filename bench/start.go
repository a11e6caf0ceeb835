package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// maxStartup is the time from the start to the first answer; maxBinary the size
// of the program, of which 8 MB are for the SDKs of the clouds.
const (
	maxStartup = 2 * time.Second
	maxBinary  = 48 << 20
	megabyte   = 1 << 20
)

// measureStart starts Parley with its embedded servers on a new folder, as
// often as there are rounds.
func (b *bench) measureStart(ctx context.Context) error {
	startups := make([]time.Duration, b.rounds)
	for i := range startups {
		p, err := startParley(ctx, b.binary, filepath.Join(b.folder, fmt.Sprintf("embedded-%d", i)))
		if err != nil {
			return err
		}
		startups[i] = p.startup
		if err := b.end(p); err != nil {
			return err
		}
	}
	b.report.atMost("start on a new folder until the first answer", median(startups, time.Duration.Seconds), maxStartup.Seconds(), " s")
	if b.profile == "" {
		b.report.atMost("size of the stripped program", float64(b.binarySize)/megabyte, maxBinary/megabyte, " MB")
	}
	return nil
}
