package main

import "fmt"

// unitControl is a control of one of the camera's units (UVC 1.0, 4.2.2).
type unitControl struct {
	unit, selector             byte
	name                       string
	length                     int
	least, most, step, current int32
	preset                     int32
}

// Units of the descriptors.
const cameraTerminal, processingUnit = 1, 2

// newControls are the camera's controls, as they are after it was plugged in. The step of the exposure mode
// is the modes that there are: manual (1) and aperture priority (8).
func newControls() []unitControl {
	return []unitControl{
		{unit: processingUnit, selector: 2, name: "brightness", length: 2, least: -64, most: 64, step: 1},
		{unit: cameraTerminal, selector: 2, name: "exposure mode", length: 1, least: 0, most: 15, step: 9, current: 8, preset: 8},
		{unit: cameraTerminal, selector: 4, name: "exposure time", length: 4, least: 3, most: 2047, step: 1, current: 250, preset: 250},
	}
}

// unitRequest answers a request to a control: SET_CUR, or one of those that read.
func (c *cam) unitRequest(kind, request byte, value, index uint16, out []byte) (in []byte, ok bool) {
	for i := range c.controls {
		u := &c.controls[i]
		if byte(index>>8) != u.unit || byte(value>>8) != u.selector {
			continue
		}
		if kind == 0x21 && request == 1 && len(out) >= u.length {
			u.current = u.decode(out)
			fmt.Printf("uvcemu: %s is set to %d\n", u.name, u.current)
			return nil, true
		}
		switch request {
		case 0x81:
			return u.encode(u.current), true
		case 0x82:
			return u.encode(u.least), true
		case 0x83:
			return u.encode(u.most), true
		case 0x84:
			return u.encode(u.step), true
		case 0x85: // GET_LEN
			return u16(u.length), true
		case 0x86: // GET_INFO: it can be read and set
			return []byte{3}, true
		case 0x87:
			return u.encode(u.preset), true
		}
	}
	return nil, false
}

func (u *unitControl) encode(value int32) []byte { return u32(uint32(value))[:u.length] }

// decode is the value of so many bytes, with its sign.
func (u *unitControl) decode(b []byte) int32 {
	shift := 32 - 8*u.length
	var whole [4]byte
	copy(whole[:], b[:u.length])
	return int32(le.Uint32(whole[:])<<shift) >> shift
}
