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
