package app

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// config checks the configuration that the flags mean, or prints it.
func (c *command) config() error {
	verb := c.verb("")
	if verb != "print" && verb != "check" {
		return fmt.Errorf("config takes print or check: %w", errUsage)
	}
	s := newSettings("config "+verb, false)
	if verb == "check" {
		s.addTarget()
	}
	config, err := c.load(s)
	if err != nil {
		return err
	}
	var text []byte
	if verb == "check" {
		text, err = check(config, strings.Split(s.target, ","))
	} else {
		text, err = config.explain()
	}
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

// check says what a process with the targets would do, and what in its configuration
// is allowed but rarely meant.
func check(config Config, targets []string) ([]byte, error) {
	p, err := planOf(config, targets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	text := []byte(p.String())
	for _, warning := range config.advise(p) {
		text = fmt.Appendf(text, "warning: %s\n", warning)
	}
	return append(text, "the configuration is good\n"...), nil
}

// verb takes the first argument, if it is not a flag.
func (c *command) verb(otherwise string) string {
	if len(c.args) == 0 || strings.HasPrefix(c.args[0], "-") {
		return otherwise
	}
	verb := c.args[0]
	c.args = c.args[1:]
	return verb
}

// explain returns c as YAML with the explanation of each key: config.yaml, in
// which the values that differ are replaced. Passwords are not shown.
func (c Config) explain() ([]byte, error) {
	c.Database.DSN = withoutPassword(c.Database.DSN)
	if c.Call.Secret != "" {
		c.Call.Secret = "***"
	}
	c.OssService.Apps = withoutSecrets(c.OssService.Apps)
	var document yaml.Node
	if err := yaml.Unmarshal(reference, &document); err != nil {
		return nil, err
	}
	defaults := Default()
	unchanged := make(map[string]reflect.Value)
	for _, k := range defaults.keys() {
		unchanged[k.path] = k.value
	}
	for _, k := range c.keys() {
		if reflect.DeepEqual(k.value.Interface(), unchanged[k.path].Interface()) {
			continue // as config.yaml writes it: 60s, not 1m0s
		}
		value, err := k.node()
		if err != nil {
			return nil, err
		}
		*find(document.Content[0], strings.Split(k.path, ".")) = *value
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// find returns the value at a path that exists.
func find(node *yaml.Node, path []string) *yaml.Node {
	for i := 0; len(path) > 0 && i < len(node.Content); i += 2 {
		if node.Content[i].Value == path[0] {
			return find(node.Content[i+1], path[1:])
		}
	}
	return node
}

// withoutSecrets returns apps with the secrets of their providers hidden.
func withoutSecrets(apps []OssAppConfig) []OssAppConfig {
	apps = slices.Clone(apps)
	for i := range apps {
		apps[i].Providers = slices.Clone(apps[i].Providers)
		for j := range apps[i].Providers {
			if p := &apps[i].Providers[j]; p.AccessKeySecret != "" {
				p.AccessKeySecret = "***"
			}
		}
	}
	return apps
}

// withoutPassword hides the password of user:password@address.
func withoutPassword(dsn string) string {
	at := strings.LastIndex(dsn, "@")
	if at < 0 {
		return dsn
	}
	user, _, found := strings.Cut(dsn[:at], ":")
	if !found {
		return dsn
	}
	return user + ":***" + dsn[at:]
}
