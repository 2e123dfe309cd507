package v4l2

import (
	"testing"
	"unsafe"
)

// TestStructures compares the sizes with videodev2.h's: they are a part of the calls' numbers.
func TestStructures(t *testing.T) {
	for name, c := range map[string]struct{ got, want uintptr }{
		"v4l2_query_ext_ctrl": {unsafe.Sizeof(queryExtControl{}), 232},
		"v4l2_querymenu":      {unsafe.Sizeof(queryMenu{}), 44},
		"v4l2_ext_control":    {unsafe.Sizeof(extControl{}), 20},
		"v4l2_ext_controls":   {unsafe.Sizeof(extControls{}), map[uintptr]uintptr{4: 24, 8: 32}[unsafe.Sizeof(uintptr(0))]},
		"v4l2_frmivalenum":    {unsafe.Sizeof(frameInterval{}), 52},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, c.got, c.want)
		}
	}
}
