package reply

import (
	"net/http"
	"strconv"
	"strings"
)

// english reports whether r asks for English. Chinese is the default, so
// English must be named, and not be ranked below Chinese.
func english(r *http.Request) bool {
	header := r.Header.Get("Accept-Language")
	if header == "" {
		return false
	}
	var en, zh float64
	enFirst := false
	for item := range strings.SplitSeq(header, ",") {
		tag, weight := language(item)
		switch primary, _, _ := strings.Cut(tag, "-"); {
		case strings.EqualFold(primary, "en"):
			enFirst = enFirst || zh == 0 && weight > 0
			en = max(en, weight)
		case strings.EqualFold(primary, "zh"):
			zh = max(zh, weight)
		}
	}
	return en > zh || en == zh && enFirst
}

// language reads one item of Accept-Language, such as "en-US;q=0.8". A weight
// that cannot be read makes the item count for nothing.
func language(item string) (tag string, weight float64) {
	tag, parameter, weighted := strings.Cut(item, ";")
	tag = strings.TrimSpace(tag)
	if !weighted {
		return tag, 1
	}
	name, value, _ := strings.Cut(parameter, "=")
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") || !(weight >= 0 && weight <= 1) {
		return tag, 0
	}
	return tag, weight
}
