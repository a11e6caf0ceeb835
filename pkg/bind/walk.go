package bind

import (
	"bytes"
	"encoding/json"
	"iter"
)

// The functions of this file walk JSON that json.Valid has accepted. That
// makes them short: what follows a quote is a string, what follows a colon is
// a value, and nothing ends too early.

// members yields the names and the raw values of a JSON object.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := skipSpace(object, 1)
		for object[i] != '}' {
			end := skipValue(object, i)
			name := object[i:end]
			i = skipSpace(object, end) + 1 // the colon
			i = skipSpace(object, i)
			end = skipValue(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			if i = skipSpace(object, end); object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

// elements yields the positions and the raw values of a JSON array.
func elements(array []byte) iter.Seq2[int, []byte] {
	return func(yield func(n int, value []byte) bool) {
		i := skipSpace(array, 1)
		for n := 0; array[i] != ']'; n++ {
			end := skipValue(array, i)
			if !yield(n, array[i:end]) {
				return
			}
			if i = skipSpace(array, end); array[i] == ',' {
				i = skipSpace(array, i+1)
			}
		}
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the value that starts at i.
func skipValue(text []byte, i int) int {
	switch text[i] {
	case '"':
		return skipString(text, i)
	case '{', '[':
		for depth := 0; ; {
			switch text[i] {
			case '"':
				i = skipString(text, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			i++
			if depth == 0 {
				return i
			}
		}
	default:
		for i < len(text) && bytes.IndexByte([]byte(",]} \t\n\r"), text[i]) < 0 {
			i++
		}
		return i
	}
}

func skipString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquote returns the text of a JSON string.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var text string
	// The string is valid, so there is no error.
	_ = json.Unmarshal(quoted, &text)
	return text
}
