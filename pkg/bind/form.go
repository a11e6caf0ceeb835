package bind

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// bindForm fills into from the fields of a form or a query. A list is a field
// that is repeated, or one that holds a JSON list; a struct is JSON. An empty
// number counts as left out, as forms have no other way to say so.
func (p *plan) bindForm(into reflect.Value, values url.Values) error {
	var seen uint64
	for i := range p.fields {
		f := &p.fields[i]
		texts := f.among(values)
		if len(texts) == 0 || f.message {
			continue
		}
		v := into.FieldByIndex(f.index)
		if len(texts) == 1 && texts[0] == "" && (f.blank || !isText(v.Kind())) {
			continue
		}
		seen |= 1 << i
		if err := f.setText(v, texts); err != nil {
			return answer(at(f.name, err))
		}
	}
	return answer(p.finish(into, seen))
}

// among returns the values of the field, under its name or an alias of it.
func (f *field) among(values url.Values) []string {
	texts := values[f.name]
	for _, alias := range f.aliases {
		if len(texts) == 0 {
			texts = values[alias]
		}
	}
	return texts
}

// isText reports whether an empty text is a value of the kind: of a string it
// is one, of a list it is the empty list.
func isText(kind reflect.Kind) bool { return kind == reflect.String || kind == reflect.Slice }

// setText sets a field from the values under its name. Of a name that comes
// twice the last one counts, unless the field is a list.
func (f *field) setText(v reflect.Value, texts []string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return broken("is not UTF-8")
		}
	}
	text := texts[len(texts)-1]
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.setText(v.Elem(), texts)
	case reflect.Slice:
		return f.setTextList(v, texts)
	case reflect.Struct:
		if !json.Valid([]byte(text)) {
			return broken("must be a JSON object")
		}
		return f.setJSON(v, []byte(strings.TrimSpace(text)))
	case reflect.String:
		return f.setString(v, text)
	case reflect.Bool:
		return setBool(v, text)
	default:
		return f.setNumber(v, text)
	}
}

func (f *field) setTextList(v reflect.Value, texts []string) error {
	if len(texts) == 1 {
		text := strings.TrimSpace(texts[0])
		if text == "" {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			return nil
		}
		if text[0] == '[' && json.Valid([]byte(text)) {
			return f.setList(v, []byte(text))
		}
	}
	if len(texts) > f.longest() {
		return f.tooLong()
	}
	list := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := f.setText(list.Index(i), []string{text}); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
	v.Set(list)
	return nil
}

// setBool takes what go-zero takes for a truth value in a form.
func setBool(v reflect.Value, text string) error {
	switch {
	case text == "1" || strings.EqualFold(text, "true"):
		v.SetBool(true)
	case text == "0" || strings.EqualFold(text, "false"):
		v.SetBool(false)
	default:
		return broken("must be true or false")
	}
	return nil
}
