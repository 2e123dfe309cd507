package rtsp

import (
	"strings"
	"testing"
	"unicode"
)

// checkError wants an error that can be shown: a line, not too long, without the password.
func checkError(t testing.TB, err error) {
	t.Helper()
	text := err.Error()
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 1000 || strings.Contains(text, "geheim") {
		t.Fatalf("an error that cannot be shown: %.2000q", text)
	}
}
