package bind

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// rule is what a tag demands of a field, in go-zero's tag language.
type rule struct {
	optional bool
	options  []string
	bounds   *bounds
	fallback string // the value of a field that was left out
}

// bounds is a range such as [1:1000], (0:1] or [1:].
type bounds struct {
	low, high         float64
	lowOpen, highOpen bool
	text              string
}

func (b *bounds) hold(n float64) bool {
	return n >= b.low && n <= b.high && !(b.lowOpen && n == b.low) && !(b.highOpen && n == b.high)
}

// parseTag reads `name,option,option=value`. An option that is not understood
// is an error rather than ignored: a rule that silently does nothing is worse
// than a route that does not start.
func parseTag(tag string) (name string, r rule, err error) {
	segments := splitTag(tag)
	name = segments[0]
	for _, segment := range segments[1:] {
		option, value, _ := strings.Cut(segment, "=")
		switch {
		case segment == "optional":
			r.optional = true
		case segment == "omitempty" || segment == "":
		case option == "options":
			r.options = parseOptions(value)
		case option == "range":
			r.bounds, err = parseBounds(value)
		case option == "default":
			r.fallback = value
		default:
			err = fmt.Errorf("tag %q: option %q is not supported", tag, segment)
		}
		if err != nil {
			return "", rule{}, err
		}
	}
	return name, r, nil
}

// splitTag splits at the commas outside of brackets.
func splitTag(tag string) []string {
	var segments []string
	depth, start := 0, 0
	for i := range len(tag) {
		switch tag[i] {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case ',':
			if depth == 0 {
				segments = append(segments, strings.TrimSpace(tag[start:i]))
				start = i + 1
			}
		}
	}
	return append(segments, strings.TrimSpace(tag[start:]))
}

// parseOptions reads both of go-zero's forms, `a|b` and `[a,b]`.
func parseOptions(value string) []string {
	separator := "|"
	if strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		value, separator = value[1:len(value)-1], ","
	}
	options := strings.Split(value, separator)
	for i := range options {
		options[i] = strings.TrimSpace(options[i])
	}
	return options
}

func parseBounds(value string) (*bounds, error) {
	bad := fmt.Errorf("range %q: want a form such as [1:10], (0:1] or [1:]", value)
	if len(value) < 3 || !strings.Contains("[(", value[:1]) || !strings.Contains("])", value[len(value)-1:]) {
		return nil, bad
	}
	low, high, ok := strings.Cut(value[1:len(value)-1], ":")
	if !ok || low == "" && high == "" {
		return nil, bad
	}
	b := &bounds{
		low: -math.MaxFloat64, high: math.MaxFloat64,
		lowOpen: value[0] == '(', highOpen: value[len(value)-1] == ')',
		text: value,
	}
	var err error
	if low != "" {
		if b.low, err = strconv.ParseFloat(low, 64); err != nil {
			return nil, bad
		}
	}
	if high != "" {
		if b.high, err = strconv.ParseFloat(high, 64); err != nil {
			return nil, bad
		}
	}
	if b.low > b.high || b.low == b.high && (b.lowOpen || b.highOpen) {
		return nil, bad
	}
	return b, nil
}

// checkOption reports whether text is one of the options, if there are any.
func (r *rule) checkOption(text string) error {
	if len(r.options) == 0 || slices.Contains(r.options, text) {
		return nil
	}
	return broken("must be one of %s", strings.Join(r.options, ", "))
}

// checkNumber holds a number against the options and the range. Bounds are
// floats as in go-zero: they serve counts, not ids above 2^53.
func (r *rule) checkNumber(text string, n float64) error {
	if err := r.checkOption(text); err != nil {
		return err
	}
	if r.bounds != nil && !r.bounds.hold(n) {
		return broken("must be in the range %s", r.bounds.text)
	}
	return nil
}
