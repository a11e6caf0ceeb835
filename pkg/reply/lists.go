package reply

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// filled returns data with an empty list for every nil one, and an empty
// object for nothing.
//
// encoding/json writes a nil slice as null, which the API never does. Setting
// the nil slices of a response before it is encoded once is cheaper than
// encoding twice, and what to visit is known by type: most responses hold no
// list at all and cost one look into a map.
func filled(data any) any {
	v := reflect.ValueOf(data)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return emptyObject
	}
	if !holdsLists(v.Type()) {
		return data
	}
	if v.Kind() != reflect.Pointer {
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v = copied
	}
	fill(v)
	return v.Interface()
}

// fill sets the nil slices that can be reached from v.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Interface:
		// A value inside of an interface cannot be set, one that it points
		// to can.
		if inner := v.Elem(); inner.Kind() == reflect.Pointer && holdsLists(inner.Type()) {
			fill(inner)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			// Exported fields of an embedded type that is not can be set.
			if f := v.Field(i); (f.CanSet() || v.Type().Field(i).Anonymous) && holdsLists(f.Type()) {
				fill(f)
			}
		}
	case reflect.Slice:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		} else if holdsLists(v.Type().Elem()) {
			for i := range v.Len() {
				fill(v.Index(i))
			}
		}
	}
}

var listTypes sync.Map // reflect.Type → bool

// holdsLists reports whether a value of type t is or may hold a slice that
// JSON shows as a list.
func holdsLists(t reflect.Type) bool {
	if known, ok := listTypes.Load(t); ok {
		return known.(bool)
	}
	holds := findLists(t, map[reflect.Type]bool{})
	listTypes.Store(t, holds)
	return holds
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// findLists does the work of holdsLists. A type within itself counts as having
// no list of its own: if there is one, the outer visit finds it.
func findLists(t reflect.Type, visiting map[reflect.Type]bool) bool {
	if visiting[t] || t.Implements(jsonMarshaler) || t.Implements(textMarshaler) {
		return false
	}
	visiting[t] = true
	defer delete(visiting, t)
	switch t.Kind() {
	case reflect.Slice, reflect.Interface:
		return true
	case reflect.Pointer:
		return findLists(t.Elem(), visiting)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); (f.IsExported() || f.Anonymous) && findLists(f.Type, visiting) {
				return true
			}
		}
	}
	return false
}
