package bind

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// plan is a request type compiled for binding.
type plan struct {
	fields []field
	byName map[string]int // names and aliases
	// required has a bit for each field that a request must have; the file
	// part has a check of its own.
	required uint64
	// file is the field that is a file part held in memory, if there is one.
	file *field
	// stream is the name of the file part that is handed on as a stream, or "".
	stream string
}

// field is one field of a plan, embedded structs resolved.
type field struct {
	name  string
	index []int
	rule
	exception
	// elem is the plan of the struct that the field is or lists.
	elem *plan
}

// maxFields is how many fields a request may have: one bit each in a word.
const maxFields = 64

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	p, err := compile(t)
	if err != nil {
		return nil, fmt.Errorf("bind requests to %s: %w", t, err)
	}
	plans.Store(t, p)
	return p, nil
}

func compile(t reflect.Type) (*plan, error) {
	p := &plan{byName: make(map[string]int)}
	if err := p.add(t, nil); err != nil {
		return nil, err
	}
	if len(p.fields) > maxFields {
		return nil, fmt.Errorf("%d fields, at most %d are supported", len(p.fields), maxFields)
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.message {
			p.file = f
		} else if !f.rule.optional && !f.exception.optional {
			p.required |= 1 << i
		}
		for _, name := range append([]string{f.name}, f.aliases...) {
			if _, twice := p.byName[name]; twice {
				return nil, fmt.Errorf("two fields are called %q", name)
			}
			p.byName[name] = i
		}
	}
	for name, e := range exceptions[t.Name()] {
		if e.stream {
			p.stream = name
		}
	}
	return p, nil
}

// add appends the fields of t, which lies at index within the request type.
func (p *plan) add(t reflect.Type, index []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(append([]int(nil), index...), i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct && sf.Tag.Get("json") == "" {
			if err := p.add(sf.Type, at); err != nil {
				return err
			}
			continue
		}
		tag, ok := sf.Tag.Lookup("json")
		if !ok {
			tag, ok = sf.Tag.Lookup("form")
		}
		if !sf.IsExported() || !ok || tag == "-" {
			continue
		}
		f, err := compileField(t.Name(), sf.Type, tag)
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
		f.index = at
		p.fields = append(p.fields, f)
	}
	return nil
}

func compileField(owner string, t reflect.Type, tag string) (field, error) {
	name, r, err := parseTag(tag)
	if err != nil {
		return field{}, err
	}
	f := field{name: name, rule: r, exception: exceptionOf(owner, name)}
	if name == "" {
		return field{}, fmt.Errorf("tag %q has no name", tag)
	}
	if f.exception.fallback != "" {
		f.rule.fallback = f.exception.fallback
	}
	if f.rule.fallback != "" {
		f.rule.optional = true
	}
	base := t
	if base.Kind() == reflect.Slice {
		base = base.Elem()
	}
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	switch base.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return f, nil
	case reflect.Struct:
		f.elem, err = planOf(base)
		return f, err
	}
	return field{}, fmt.Errorf("a field of type %s is not supported", t)
}

// finish gives the fields that were left out their values, or says which of
// them was required. seen has a bit for each field that came.
func (p *plan) finish(into reflect.Value, seen uint64) error {
	for i := range p.fields {
		if seen&(1<<i) != 0 {
			continue
		}
		f := &p.fields[i]
		if p.required&(1<<i) != 0 {
			return &invalid{path: f.name, rule: "is missing"}
		}
		if f.rule.fallback != "" {
			if err := f.setText(into.FieldByIndex(f.index), []string{f.rule.fallback}); err != nil {
				return at(f.name, err)
			}
		}
	}
	return nil
}

// invalid is a rule that a field broke. Its path grows from the inside out,
// such as "parts[3].ETag".
type invalid struct {
	path string
	rule string
}

func (e *invalid) Error() string { return strings.TrimSpace(e.path + " " + e.rule) }

func broken(rule string, args ...any) error { return &invalid{rule: fmt.Sprintf(rule, args...)} }

// at puts err, if it is a broken rule, below the given part of a path.
func at(part string, err error) error {
	e, ok := err.(*invalid)
	if !ok {
		return err
	}
	switch {
	case e.path == "":
		e.path = part
	case e.path[0] == '[':
		e.path = part + e.path
	default:
		e.path = part + "." + e.path
	}
	return e
}
