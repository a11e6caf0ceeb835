package bind

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/pkg/fault"
)

// maxList is the longest list that a field takes if there is no exception.
const maxList = 5000

// bindJSON fills into from a body. An empty body is an object without members.
func (p *plan) bindJSON(into reflect.Value, body []byte) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return answer(p.finish(into, 0))
	}
	switch {
	case !utf8.Valid(body):
		return fault.Invalid("body", "is not UTF-8")
	case !json.Valid(body):
		return fault.Invalid("body", "is not JSON")
	case body[0] != '{':
		return fault.Invalid("body", "must be a JSON object")
	}
	return answer(p.setObject(into, body))
}

// answer turns a broken rule into the error of the API.
func answer(err error) error {
	if e, ok := err.(*invalid); ok {
		return fault.Invalid(e.path, "%s", e.rule)
	}
	return err
}

// setObject fills into from a JSON object. Names are matched exactly, unknown
// ones are ignored, and of a name that comes twice the last one counts.
func (p *plan) setObject(into reflect.Value, object []byte) error {
	var seen uint64
	for quoted, value := range members(object) {
		i, ok := p.lookup(quoted)
		if !ok {
			continue
		}
		f := &p.fields[i]
		if f.leftOut(value) {
			seen &^= 1 << i
			into.FieldByIndex(f.index).SetZero()
			continue
		}
		seen |= 1 << i
		if err := f.setJSON(into.FieldByIndex(f.index), value); err != nil {
			return at(f.name, err)
		}
	}
	return p.finish(into, seen)
}

func (p *plan) lookup(quoted []byte) (int, bool) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		inner = []byte(unquote(quoted))
	}
	i, ok := p.byName[string(inner)]
	return i, ok
}

// leftOut reports whether value stands for a field that was not sent.
func (f *field) leftOut(value []byte) bool {
	return value[0] == 'n' || f.blank && len(value) == 2 && value[0] == '"'
}

func (f *field) setJSON(v reflect.Value, value []byte) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.setJSON(v.Elem(), value)
	case reflect.Slice:
		return f.setList(v, value)
	case reflect.Struct:
		if value[0] != '{' {
			return broken("must be an object")
		}
		return f.elem.setObject(v, value)
	case reflect.String:
		return f.setJSONText(v, value)
	case reflect.Bool:
		if value[0] != 't' && value[0] != 'f' {
			return broken("must be true or false")
		}
		v.SetBool(value[0] == 't')
		return nil
	default:
		if value[0] == '"' {
			if !f.asText {
				return broken("must be a number")
			}
			return f.setNumber(v, unquote(value))
		}
		return f.setNumber(v, string(value))
	}
}

func (f *field) setJSONText(v reflect.Value, value []byte) error {
	if value[0] != '"' {
		if !f.asNumber {
			return broken("must be a text")
		}
		if _, err := strconv.ParseInt(string(value), 10, 64); err != nil {
			return broken("must be a text or a whole number")
		}
		v.SetString(string(value))
		return nil
	}
	return f.setString(v, unquote(value))
}

func (f *field) setString(v reflect.Value, text string) error {
	if !f.anyText && strings.IndexByte(text, 0) >= 0 {
		return broken("must not hold a NUL character")
	}
	if err := f.checkOption(text); err != nil {
		return err
	}
	v.SetString(text)
	return nil
}

func (f *field) setList(v reflect.Value, value []byte) error {
	if value[0] != '[' {
		return broken("must be a list")
	}
	length := 0
	for range elements(value) {
		if length++; length > f.longest() {
			return f.tooLong()
		}
	}
	list := reflect.MakeSlice(v.Type(), length, length)
	for i, element := range elements(value) {
		if err := f.setJSON(list.Index(i), element); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
	v.Set(list)
	return nil
}

// longest is how many entries a list may have.
func (f *field) longest() int { return cmp.Or(f.list, maxList) }

func (f *field) tooLong() error { return broken("has more than %d entries", f.longest()) }

// setNumber reads a number without going through a float, unless the field is
// one: ids use all of an int64.
func (f *field) setNumber(v reflect.Value, text string) error {
	var n float64
	switch {
	case v.CanInt():
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return broken("must be a whole number of %d bits", v.Type().Bits())
		}
		v.SetInt(i)
		n = float64(i)
	case v.CanUint():
		u, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return broken("must be a whole number of %d bits, not below 0", v.Type().Bits())
		}
		v.SetUint(u)
		n = float64(u)
	default:
		var err error
		if n, err = strconv.ParseFloat(text, v.Type().Bits()); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return broken("must be a number")
		}
		v.SetFloat(n)
	}
	return f.checkNumber(text, n)
}
