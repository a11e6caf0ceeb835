package client

import (
	"strconv"
	"strings"
	"unicode"
)

// longestName is how long a name on a terminal may be.
const longestName = 16

// Shorten returns a uid as it is shown on a terminal: of a long one its beginning
// and its end. It is hard to make a key whose uid has both.
func Shorten(uid string) string {
	if len(uid) <= longestName {
		return uid
	}
	return uid[:6] + "…" + uid[len(uid)-4:]
}

// Clean writes out what must not reach a terminal: characters that move, hide or
// reorder what stands there. Line breaks are among them, so that no text looks
// like two lines.
func Clean(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if strings.IndexFunc(text, dirty) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if dirty(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// dirty reports whether a character is none to be seen. The two joiners are part
// of the writing of some languages and of emoji.
func dirty(r rune) bool {
	return !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d'
}
