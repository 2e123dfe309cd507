package main

import (
	"bytes"
	"encoding/binary"
)

// This file says what the camera is: its USB and UVC 1.0 descriptors.

var be, le = binary.BigEndian, binary.LittleEndian

const payloadMax = 16384 // 32 packets of 512: one URB is one payload

type frameDesc struct{ w, h int }
type format struct {
	kind   string
	frames []frameDesc
}

var formats = []format{{"MJPG", []frameDesc{{640, 480}, {1280, 720}, {320, 240}}}, {"YUYV", []frameDesc{{640, 480}, {320, 240}}}, {"H264", []frameDesc{{640, 480}}}}
var intervals = []uint32{333333, 666666, 2000000} // 30, 15, 5 fps in 100 ns

func cat(p ...[]byte) []byte { return bytes.Join(p, nil) }
func u16(v int) []byte       { return le.AppendUint16(nil, uint16(v)) }
func u32(v uint32) []byte    { return le.AppendUint32(nil, v) }
func guid(cc string) []byte {
	return cat([]byte(cc), []byte{0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71})
}
func sized(b []byte) []byte { b[0] = byte(len(b)); return b }

func configDesc() []byte {
	var vs []byte
	for i, f := range formats {
		n := byte(len(f.frames))
		sub := byte(0x07)
		switch f.kind {
		case "MJPG":
			vs = append(vs, sized([]byte{0, 0x24, 0x06, byte(i + 1), n, 1, 1, 0, 0, 0, 0})...)
		case "YUYV":
			vs = append(vs, sized(cat([]byte{0, 0x24, 0x04, byte(i + 1), n}, guid("YUY2"), []byte{16, 1, 0, 0, 0, 0}))...)
			sub = 0x05
		case "H264":
			vs = append(vs, sized(cat([]byte{0, 0x24, 0x10, byte(i + 1), n}, guid("H264"), []byte{16, 1, 0, 0, 0, 0, 1}))...)
			sub = 0x11
		}
		for j, fr := range f.frames {
			size := uint32(fr.w * fr.h * 2)
			d := cat([]byte{0, 0x24, sub, byte(j + 1), 0}, u16(fr.w), u16(fr.h), u32(size*40), u32(size*240))
			if sub == 0x11 {
				d = cat(d, u32(intervals[0]), []byte{byte(len(intervals))}, u32(0))
			} else {
				d = cat(d, u32(size), u32(intervals[0]), []byte{byte(len(intervals))})
			}
			for _, iv := range intervals {
				d = append(d, u32(iv)...)
			}
			vs = append(vs, sized(d)...)
		}
		vs = append(vs, 6, 0x24, 0x0d, 1, 1, 4)
	}
	hdr := cat([]byte{0, 0x24, 0x01, byte(len(formats))}, u16(13+len(formats)+len(vs)), []byte{0x81, 0, 3, 0, 0, 0, 1}, make([]byte, len(formats)))
	vs = append(sized(hdr), vs...)
	units := cat(
		[]byte{18, 0x24, 0x02, cameraTerminal, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x0a, 0, 0}, // exposure mode and time
		[]byte{11, 0x24, 0x05, processingUnit, 1, 0, 0, 2, 0x01, 0, 0},                            // brightness
		[]byte{9, 0x24, 0x03, 3, 0x01, 0x01, 0, 2, 0})                                             // output terminal
	vc := cat([]byte{13, 0x24, 0x01, 0, 1}, u16(13+len(units)), u32(48000000), []byte{1, 1}, units)
	body := cat([]byte{8, 0x0b, 0, 2, 0x0e, 3, 0, 2}, []byte{9, 4, 0, 0, 0, 0x0e, 1, 0, 2}, vc,
		[]byte{9, 4, 1, 0, 1, 0x0e, 2, 0, 0}, vs, []byte{7, 5, 0x81, 2, 0, 2, 0})
	return cat([]byte{9, 2}, u16(9+len(body)), []byte{2, 1, 0, 0x80, 50}, body)
}

var deviceDesc = []byte{18, 1, 0, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 0x02, 0x01, 0, 1, 1, 2, 3, 1}
var stringsTab = []string{"", "uvcemu", "Emulated UVC webcam", "0001"}
