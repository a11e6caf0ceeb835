package client

import "testing"

func TestWhatMustNotReachATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hello, 你好　世界 é 🎉":                        "hello, 你好　世界 é 🎉",
		"👩\u200d💻 \u0645\u06cc\u200c\u062e\u0648": "👩\u200d💻 \u0645\u06cc\u200c\u062e\u0648",
		"\x1b]0;title\x07":                        `\x1b]0;title\a`,
		"one\n12:00:00 me: two":                   `one\n12:00:00 me: two`,
		"over\rwritten \b\x7f\t":                  `over\rwritten \b\x7f\t`,
		"\u009b31m csi of eight bits":             `\u009b31m csi of eight bits`,
		"\u202etxt.exe \u2066isolated":            `\u202etxt.exe \u2066isolated`,
		"line\u2028separator \u200b":              `line\u2028separator \u200b`,
		"\xff\xfe":                                "\ufffd",
		"private \ue000":                          `private \ue000`,
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}
