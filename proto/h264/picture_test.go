package h264_test

import (
	"testing"

	"github.com/camcast/camcast/proto/h264"
)

func TestBeginsPicture(t *testing.T) {
	for _, c := range []struct {
		unit            []byte
		isSlice, begins bool
	}{
		{[]byte{0x65, 0x88}, true, true}, {[]byte{0x41, 0x9a}, true, true}, {[]byte{0x41, 0x40}, true, false},
		{[]byte{0x65}, true, false}, {[]byte{0x67, 0x80}, false, true}, {[]byte{0x03, 0x80}, false, true}, {nil, false, false},
	} {
		if is, begins := h264.IsSlice(c.unit), h264.BeginsPicture(c.unit); is != c.isSlice || begins != c.begins {
			t.Errorf("%x: %v, %v; want %v, %v", c.unit, is, begins, c.isSlice, c.begins)
		}
	}
}
