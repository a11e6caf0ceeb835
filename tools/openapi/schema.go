package openapi

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/zeromicro/go-zero/tools/goctl/api/spec"
)

// define adds the schema of t, and of what it refers to, to the components.
func (g *generator) define(t spec.DefineStruct, request bool) error {
	if g.schemas[t.RawName] != nil {
		return nil
	}
	g.schemas[t.RawName] = object{} // stops a type that refers to itself
	s, err := g.structSchema(t, "json", request)
	g.schemas[t.RawName] = s
	return err
}

// structSchema describes t with the field names of one kind of tag. A field of
// a response is always there. A field of a request may be left out where its
// tag or the lenience table says so.
func (g *generator) structSchema(t spec.DefineStruct, kind string, request bool) (object, error) {
	fields, err := g.fieldsOf(t)
	if err != nil {
		return nil, err
	}
	properties := object{}
	var required []string
	for _, f := range fields {
		tag, ok := f.tags[kind]
		if !ok || tag.name == "-" {
			continue
		}
		s, err := g.fieldSchema(f, tag, request)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", f.Name, t.RawName, err)
		}
		optional := request && tag.optional
		if l, ok := lenient[t.RawName][tag.name]; request && ok {
			optional = true
			if l != nil {
				s = l(s)
			}
		}
		properties[tag.name] = s
		if !optional {
			required = append(required, tag.name)
		}
	}
	schema := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	if request {
		eitherOf(schema, properties)
	}
	return schema, nil
}

// eitherOf demands one of the two forms of every id that has two. The text
// wins, because JavaScript rounds large numbers.
func eitherOf(schema, properties object) {
	choices := [][]string{nil}
	for _, id := range []string{"id", "traceId", "applicationId"} {
		text := id + "Str"
		if properties[id] == nil || properties[text] == nil {
			continue
		}
		var longer [][]string
		for _, c := range choices {
			longer = append(longer, append(slices.Clone(c), id), append(slices.Clone(c), text))
		}
		choices = longer
	}
	if len(choices) == 1 {
		return
	}
	var anyOf []object
	for _, c := range choices {
		anyOf = append(anyOf, object{"required": c})
	}
	schema["anyOf"] = anyOf
}

func (g *generator) fieldSchema(f field, tag fieldTag, request bool) (object, error) {
	s, err := g.typeSchema(f.Type, request)
	if err != nil {
		return nil, err
	}
	if text := f.text(); text != "" {
		s["description"] = text
	}
	options := tag.options
	if enums := f.raw.Get("enums"); enums != "" {
		options = strings.Split(enums, ",")
	}
	if len(options) > 0 {
		enum, err := enumOf(options, s["type"] == "integer")
		if err != nil {
			return nil, err
		}
		s["enum"] = enum
	}
	if tag.bounds != "" {
		if s["minimum"], s["maximum"], err = closedRange(tag.bounds); err != nil {
			return nil, err
		}
	}
	if tag.fallback != "" {
		if s["default"], err = strconv.Atoi(tag.fallback); err != nil {
			return nil, fmt.Errorf("default %q of an integer: %w", tag.fallback, err)
		}
	}
	return s, nil
}

func (g *generator) typeSchema(t spec.Type, request bool) (object, error) {
	switch t := t.(type) {
	case spec.PrimitiveType:
		return primitive(t.RawName)
	case spec.InterfaceType:
		return object{"type": "object"}, nil
	case spec.ArrayType:
		// What is a pointer in Go is never null inside of a list.
		element := t.Value
		if p, ok := element.(spec.PointerType); ok {
			element = p.Type
		}
		items, err := g.typeSchema(element, request)
		return object{"type": "array", "items": items}, err
	case spec.PointerType:
		s, err := g.typeSchema(t.Type, request)
		return object{"oneOf": []object{s, {"type": "null"}}}, err
	case spec.DefineStruct:
		return ref(t.RawName), g.define(t, request)
	default:
		return nil, fmt.Errorf("type %T has no schema", t)
	}
}

func primitive(name string) (object, error) {
	switch name {
	case "string":
		return object{"type": "string"}, nil
	case "bool":
		return object{"type": "boolean"}, nil
	case "int":
		return object{"type": "integer"}, nil
	case "int32", "int64":
		return object{"type": "integer", "format": name}, nil
	case "uint64":
		return object{"type": "integer", "format": name, "minimum": 0}, nil
	default:
		return nil, fmt.Errorf("type %s has no schema", name)
	}
}

func enumOf(options []string, integer bool) ([]any, error) {
	var enum []any
	for _, o := range options {
		if !integer {
			enum = append(enum, o)
			continue
		}
		n, err := strconv.Atoi(o)
		if err != nil {
			return nil, fmt.Errorf("option %q of an integer: %w", o, err)
		}
		enum = append(enum, n)
	}
	return enum, nil
}

// closedRange reads [a:b], the only form of a range that the contracts use.
func closedRange(s string) (low, high any, err error) {
	var a, b int
	if _, err := fmt.Sscanf(s, "[%d:%d]", &a, &b); err != nil {
		return nil, nil, fmt.Errorf("range %q is not of the form [a:b]: %w", s, err)
	}
	return a, b, nil
}

// field is a member of a struct with its tags taken apart.
type field struct {
	spec.Member
	raw  reflect.StructTag
	tags map[string]fieldTag
}

// fieldTag is a tag in go-zero's language:
// name,optional,options=a|b,range=[a:b],default=n. Only integers have defaults.
type fieldTag struct {
	name     string
	optional bool
	options  []string
	bounds   string
	fallback string
}

func parseTag(s string) (fieldTag, error) {
	words := strings.Split(s, ",")
	t := fieldTag{name: words[0]}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "optional":
			t.optional = true
		case "options":
			t.options = strings.Split(value, "|")
		case "range":
			t.bounds = value
		case "default":
			t.fallback, t.optional = value, true
		default:
			return t, fmt.Errorf("tag option %q is unknown here", w)
		}
	}
	return t, nil
}

// fieldsOf returns the fields of t, those of embedded structs in their place.
func (g *generator) fieldsOf(t spec.DefineStruct) ([]field, error) {
	known, ok := g.types[t.RawName]
	if !ok {
		return nil, fmt.Errorf("type %s is not defined", t.RawName)
	}
	var fields []field
	for _, m := range known.Members {
		if m.IsInline {
			inner, ok := m.Type.(spec.DefineStruct)
			if !ok {
				return nil, fmt.Errorf("%s embeds %T, not a struct", t.RawName, m.Type)
			}
			more, err := g.fieldsOf(inner)
			if err != nil {
				return nil, err
			}
			fields = append(fields, more...)
			continue
		}
		f := field{Member: m, raw: reflect.StructTag(strings.Trim(m.Tag, "`")), tags: map[string]fieldTag{}}
		for _, kind := range []string{"json", "form"} {
			text, ok := f.raw.Lookup(kind)
			if !ok {
				continue
			}
			tag, err := parseTag(text)
			if err != nil {
				return nil, fmt.Errorf("field %s of %s: %w", m.Name, t.RawName, err)
			}
			f.tags[kind] = tag
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func allHave(fields []field, kind string) bool {
	return !slices.ContainsFunc(fields, func(f field) bool { _, ok := f.tags[kind]; return !ok })
}

// text is the comment behind the field.
func (f field) text() string {
	return strings.TrimSpace(strings.TrimPrefix(f.GetComment(), "//"))
}
