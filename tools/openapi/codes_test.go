package openapi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCodesOfTheProductAreRead(t *testing.T) {
	t.Parallel()
	codes, err := ReadCodes("../../pkg/fault/code.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]Code{
		0:      {"OK", 0, "OK", "OK"},
		-1010:  {"BadSignature", -1010, "无效签名", "Invalid signature"},
		-10102: {"CallExpired", -10102, "通话已过期", "The call is over"},
	}
	for _, c := range codes {
		if w, ok := want[c.Value]; ok && c != w {
			t.Errorf("code %d is %+v, want %+v", c.Value, c, w)
		}
		delete(want, c.Value)
	}
	for value := range want {
		t.Errorf("code %d was not read", value)
	}
}

func TestACodeWithoutWordsIsNoticed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "code.go")
	source := "package fault\n\ntype Code int32\n\nconst Mute Code = -5\n"
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCodes(name); err == nil || !strings.Contains(err.Error(), "Mute has no words") {
		t.Errorf("the error is %v, want one that names Mute", err)
	}
}
