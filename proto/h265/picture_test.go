package h265_test

import (
	"testing"

	"github.com/camcast/camcast/proto/h265"
)

func TestBeginsPicture(t *testing.T) {
	for _, c := range []struct {
		unit            []byte
		isSlice, begins bool
	}{
		{[]byte{0x26, 0x01, 0xaf}, true, true}, {[]byte{0x02, 0x01, 0x2f}, true, false}, {[]byte{0x02, 0x01}, true, false},
		{[]byte{0x40, 0x01, 0x80}, false, true}, {nil, false, false},
	} {
		if is, begins := h265.IsSlice(c.unit), h265.BeginsPicture(c.unit); is != c.isSlice || begins != c.begins {
			t.Errorf("%x: %v, %v; want %v, %v", c.unit, is, begins, c.isSlice, c.begins)
		}
	}
}

func TestIsRASL(t *testing.T) {
	for first, want := range map[byte]bool{8 << 1: true, 9 << 1: true, 6 << 1: false, 7 << 1: false, 21 << 1: false, 0x02: false} {
		if got := h265.IsRASL([]byte{first, 1, 0x80}); got != want {
			t.Errorf("type %d: %v, want %v", first>>1, got, want)
		}
	}
	if h265.IsRASL(nil) {
		t.Error("nothing is one")
	}
}
