package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load returns the configuration: the defaults, changed by the file, changed
// by the environment. Without a file there are the defaults. Every key is
// known, every value allowed; the error names all that are not, wherever they are.
func Load(file string, environment map[string]string) (Config, error) {
	c := Default()
	var errs []error
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return Config{}, fmt.Errorf("read the configuration: %w", err)
		}
		for _, err := range c.merge(text) {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
	}
	for _, err := range c.override(environment) {
		errs = append(errs, fmt.Errorf("environment %w", err))
	}
	errs = append(errs, c.check()...)
	if len(errs) > 0 {
		return Config{}, problems(errs)
	}
	return c, nil
}

// problems is everything that is wrong with a configuration.
type problems []error

// Error has a line for each.
func (p problems) Error() string {
	if len(p) == 1 {
		return "the configuration has a problem: " + p[0].Error()
	}
	var text strings.Builder
	fmt.Fprintf(&text, "the configuration has %d problems:", len(p))
	for _, err := range p {
		fmt.Fprintf(&text, "\n  %v", err)
	}
	return text.String()
}

// Unwrap is for errors.Is.
func (p problems) Unwrap() []error { return p }

// flat returns the errors that were joined into err.
func flat(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, flat(err)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// Default returns the configuration without a file and an environment.
func Default() Config {
	var c Config
	if errs := c.merge(reference); len(errs) > 0 {
		panic(problems(errs)) // config.yaml is part of this package
	}
	return c
}

// merge changes c by the keys that the YAML text has.
func (c *Config) merge(text []byte) []error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil // nothing but comments
	} else if err != nil {
		return []error{err}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return []error{errors.New("there must be one YAML document, not several")}
	}
	keys := make(map[string]key)
	for _, k := range c.keys() {
		keys[k.path] = k
	}
	return set(keys, "", document.Content[0])
}

// set gives the keys below path the values in node.
func set(keys map[string]key, path string, node *yaml.Node) []error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if k, ok := keys[path]; ok {
		if err := k.set(node); err != nil {
			return []error{fmt.Errorf("line %d: %w", node.Line, err)}
		}
		return nil
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil // a section of which all keys are comments
	}
	if node.Kind != yaml.MappingNode {
		return []error{fmt.Errorf("line %d: %s must have keys: %s", node.Line, section(path), allowed(keys, path))}
	}
	var errs []error
	seen := make(map[string]bool)
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		below := strings.TrimPrefix(path+"."+name.Value, ".")
		switch {
		case !isKey(keys, below):
			errs = append(errs, fmt.Errorf("line %d: there is no key %s; %s has %s", name.Line, below, section(path), allowed(keys, path)))
		case seen[below]:
			errs = append(errs, fmt.Errorf("line %d: the key %s is there twice", name.Line, below))
		default:
			errs = append(errs, set(keys, below, value)...)
		}
		seen[below] = true
	}
	return errs
}

func section(path string) string {
	if path == "" {
		return "the configuration"
	}
	return path
}

// isKey reports whether there is a value or a section at path.
func isKey(keys map[string]key, path string) bool {
	for known := range keys {
		if known == path || strings.HasPrefix(known, path+".") {
			return true
		}
	}
	return false
}
