package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report collects what was measured and what must hold.
type report struct {
	start   time.Time
	facts   []string
	limits  []limit
	figures [][]string
}

// limit is something that must hold.
type limit struct {
	what, measured, demanded string
	holds                    bool
}

func newReport() *report { return &report{start: time.Now()} }

// fact notes what the figures depend on.
func (r *report) fact(format string, args ...any) {
	r.facts = append(r.facts, fmt.Sprintf(format, args...))
}

// samples notes the absolute figures of something that was measured in every
// round.
func samples[R any](r *report, what string, rounds []R, of func(R) sample) {
	each := func(value func(sample) time.Duration) string {
		return micros(median(rounds, func(x R) time.Duration { return value(of(x)) }))
	}
	row := []string{what,
		number(median(rounds, func(x R) float64 { return of(x).rate() })),
		each(sample.median), each(sample.p99), each(sample.cpuEach)}
	// Where one process alone was measured, that is all of the CPU.
	if processes := len(of(rounds[0]).cpu); processes > 1 {
		for i := range processes {
			row = append(row, each(func(s sample) time.Duration { return s.cpu[i] / time.Duration(s.requests) }))
		}
	}
	r.figures = append(r.figures, row)
}

// atMost demands that a value is not above bound.
func (r *report) atMost(what string, value, bound float64, unit string) {
	r.limits = append(r.limits, limit{what, number(value) + unit, "≤ " + number(bound) + unit, value <= bound})
}

// note puts a figure without a limit among those that have one.
func (r *report) note(what, value string) {
	r.limits = append(r.limits, limit{what, value, "", true})
}

// atLeast demands that a value is not below bound.
func (r *report) atLeast(what string, value, bound float64, unit string) {
	r.limits = append(r.limits, limit{what, number(value) + unit, "≥ " + number(bound) + unit, value >= bound})
}

func (r *report) missed() int {
	n := 0
	for _, l := range r.limits {
		if !l.holds {
			n++
		}
	}
	return n
}

// write writes the report as Markdown that can be read as it is, too.
func (r *report) write(to io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmark\n\n%s, %s. Load, Parley, MariaDB and Redis share %d cores. It took %s.\n",
		r.start.UTC().Format("2006-01-02 15:04 MST"), runtime.Version(), runtime.NumCPU(), time.Since(r.start).Round(time.Second))
	for _, f := range r.facts {
		fmt.Fprintf(&b, "%s\n", f)
	}
	b.WriteString("\n## Limits\n\n")
	rows := [][]string{{"what", "measured", "limit", ""}}
	for _, l := range r.limits {
		verdict := "ok"
		if !l.holds {
			verdict = "**missed**"
		}
		rows = append(rows, []string{l.what, l.measured, l.demanded, verdict})
	}
	table(&b, rows)
	b.WriteString("\n## Figures\n\n")
	rows = [][]string{{"what", "per second", "median", "99 %", "CPU", "Parley", "MariaDB", "Redis"}}
	for _, f := range r.figures {
		rows = append(rows, append(f, make([]string, len(rows[0])-len(f))...))
	}
	table(&b, rows)
	_, err := io.WriteString(to, b.String())
	return err
}

// table writes rows as a table of Markdown with columns that line up.
func table(to io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	for i, row := range rows {
		fmt.Fprintf(w, "| %s\t|\n", strings.Join(row, "\t| "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat("---\t|", len(row)))
		}
	}
	w.Flush()
}

// number writes three digits that count, or all before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// micros writes a short time.
func micros(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return number(float64(d)/float64(time.Millisecond)) + " ms"
	}
	return number(float64(d)/float64(time.Microsecond)) + " µs"
}

// ratio divides times.
func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// median returns the middle of what of gives for each round.
func median[T any, V float64 | time.Duration](rounds []T, of func(T) V) V {
	values := make([]V, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// progress tells whoever waits what is going on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
