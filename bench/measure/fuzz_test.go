package measure

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// FuzzOutput has perf say anything: a count is a number that was counted.
func FuzzOutput(f *testing.F) {
	f.Fuzz(func(t *testing.T, said string) {
		count, err := parseCount(said)
		if count < 0 || math.IsInf(count, 0) || math.IsNaN(count) || err != nil && count != 0 {
			t.Fatalf("%q: %v, %v", said, count, err)
		}
		if err == nil && !strings.ContainsAny(said, "0123456789") {
			t.Fatalf("%q has no digit, and counts %v", said, count)
		}
	})
}

// FuzzProc has processes have any names, which the kernel writes into its files as they are.
func FuzzProc(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, text string, kilobytes int32) {
		if pid, parent, ok := parseStat(fmt.Sprintf("12 (%s) S 7 12 12 0", name)); !ok || pid != 12 || parent != 7 {
			t.Fatalf("%q: process %d of %d, %v", name, pid, parent, ok)
		}
		if pid, parent, ok := parseStat(text); ok && !strings.HasPrefix(strings.TrimLeft(text, "+-0"), strings.TrimLeft(fmt.Sprint(pid), "-0")) {
			t.Fatalf("%q: process %d of %d", text, pid, parent)
		}
		if strings.ContainsAny(name, "\n") {
			return // which the kernel escapes there
		}
		if got := parseField(fmt.Sprintf("Name:\t%s\nVmRSS:\t%8d kB\n", name, kilobytes), "VmRSS:"); got != int64(kilobytes) {
			t.Fatalf("%q: %d kB, want %d", name, got, kilobytes)
		}
	})
}
