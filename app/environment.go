package app

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// variable is how the names of the variables begin that are Parley's.
const variable = "PARLEY_"

// fromSystem returns the environment of the process.
func fromSystem() map[string]string {
	all := make(map[string]string)
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		all[name] = value
	}
	return all
}

// environment is the variable that sets k.
func (k key) environment() string {
	return variable + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// override changes c by the environment. Empty variables count as not set.
func (c *Config) override(environment map[string]string) (errs []error) {
	known := make(map[string]bool)
	for _, k := range c.keys() {
		name := k.environment()
		known[name] = true
		if text := environment[name]; text != "" {
			if err := k.setText(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if strings.HasPrefix(name, variable) && environment[name] != "" && !known[name] && !foreign(name) {
			errs = append(errs, fmt.Errorf("%s: there is no such key; %s", name, similar(known, name)))
		}
	}
	return errs
}

// testVariable is how the names of the variables begin that are of Parley's own tests.
const testVariable = variable + "TEST_"

// links are the variables that Kubernetes gives all containers for a service whose name
// begins with ours (Kubernetes, "Service", section "Environment variables").
var links = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?)$`)

// foreign reports whether a variable that begins as ours do is for somebody else.
func foreign(name string) bool {
	return name == keyVariable || strings.HasPrefix(name, testVariable) || links.MatchString(name)
}

// similar lists the variables of the section that an unknown one seems to mean.
func similar(known map[string]bool, name string) string {
	section, _, _ := strings.Cut(strings.TrimPrefix(name, variable), "_")
	var there []string
	for _, other := range slices.Sorted(maps.Keys(known)) {
		if strings.HasPrefix(other, variable+section+"_") {
			there = append(there, other)
		}
	}
	if len(there) == 0 {
		return "parley config print lists them"
	}
	return "there are " + strings.Join(there, ", ")
}
