package app

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// key is one value of the configuration, such as Redis.PoolSize.
type key struct {
	path  string
	value reflect.Value
}

// keys returns all values of c, in the order of its types.
func (c *Config) keys() []key { return keysOf("", reflect.ValueOf(c).Elem()) }

func keysOf(path string, v reflect.Value) []key {
	if v.Kind() != reflect.Struct {
		return []key{{path, v}}
	}
	var keys []key
	for i := range v.NumField() {
		field, below := v.Type().Field(i), path
		if !field.Anonymous {
			below = strings.TrimPrefix(path+"."+field.Tag.Get("yaml"), ".")
		}
		keys = append(keys, keysOf(below, v.Field(i))...)
	}
	return keys
}

// allowed lists the names directly below path, for messages.
func allowed(keys map[string]key, path string) string {
	names := make(map[string]bool)
	for known := range keys {
		if rest, ok := strings.CutPrefix("."+known, strings.TrimSuffix("."+path, ".")+"."); ok {
			name, _, _ := strings.Cut(rest, ".")
			names[name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// ofKeys reports whether k is a list of which each entry has keys of its own.
func (k key) ofKeys() bool {
	return k.value.Kind() == reflect.Slice && k.value.Type().Elem().Kind() == reflect.Struct
}

// setText sets k as the environment says; a list is separated by commas, or YAML if
// its entries have keys.
func (k key) setText(text string) error {
	if k.ofKeys() {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			return fmt.Errorf("%s must be a list in YAML: %w", k.path, err)
		}
		if len(document.Content) == 0 {
			return fmt.Errorf("%s must be a list in YAML, such as []", k.path)
		}
		return k.set(document.Content[0])
	}
	if k.value.Kind() != reflect.Slice {
		return k.setScalar(text)
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	k.value.Set(reflect.ValueOf(items))
	return nil
}

// set sets k as a YAML file says.
func (k key) set(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		k.value.SetZero()
		return nil
	}
	if k.ofKeys() {
		return k.setEntries(node)
	}
	if k.value.Kind() == reflect.Slice {
		var items []string
		if node.Kind != yaml.SequenceNode || node.Decode(&items) != nil {
			return fmt.Errorf("%s must be a list such as [a, b]", k.path)
		}
		k.value.Set(reflect.ValueOf(items))
		return nil
	}
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf("%s must be a single value", k.path)
	}
	return k.setScalar(node.Value)
}

// setEntries sets a list whose entries have keys.
func (k key) setEntries(node *yaml.Node) error {
	if node.Kind != yaml.SequenceNode {
		return fmt.Errorf("%s must be a list, of which each entry begins with a dash", k.path)
	}
	list := reflect.MakeSlice(k.value.Type(), len(node.Content), len(node.Content))
	var errs []error
	for i, entry := range node.Content {
		path := fmt.Sprintf("%s[%d]", k.path, i)
		keys := make(map[string]key)
		for _, below := range keysOf(path, list.Index(i)) {
			keys[below.path] = below
		}
		errs = append(errs, set(keys, path, entry)...)
	}
	k.value.Set(list)
	return errors.Join(errs...)
}

// setScalar sets a single value. What is no such value leaves it as it was, so that
// nobody is told of a mistake that follows from the first.
func (k key) setScalar(text string) error {
	var err error
	want := ""
	switch k.value.Interface().(type) {
	case string:
		k.value.SetString(text)
	case bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			k.value.SetBool(b)
		}
		want = "true or false"
	case time.Duration:
		var d time.Duration
		if d, err = time.ParseDuration(text); err == nil {
			k.value.SetInt(int64(d))
		}
		want = "a duration with its unit such as 300ms, 10s or 2h"
	case float64:
		var f float64
		if f, err = strconv.ParseFloat(text, 64); err == nil {
			k.value.SetFloat(f)
		}
		want = "a number"
	default:
		var n int64
		if n, err = strconv.ParseInt(text, 10, k.value.Type().Bits()); err == nil {
			k.value.SetInt(n)
		}
		want = "a whole number"
	}
	if err != nil {
		return fmt.Errorf("%s is %q and must be %s", k.path, text, want)
	}
	return nil
}

// node returns the value of k as YAML.
func (k key) node() (*yaml.Node, error) {
	var node yaml.Node
	if err := node.Encode(k.value.Interface()); err != nil {
		return nil, fmt.Errorf("write %s: %w", k.path, err)
	}
	if k.value.Kind() == reflect.Slice && !k.ofKeys() {
		node.Style = yaml.FlowStyle
	}
	return &node, nil
}
