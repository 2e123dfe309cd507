package v4l2

import (
	"encoding/binary"
	"testing"
)

// FuzzChoose has a camera offer any formats and sizes: what is chosen is among them.
func FuzzChoose(f *testing.F) {
	f.Fuzz(func(t *testing.T, width, height uint16, format byte, in []byte) {
		o := Options{Width: int(width), Height: int(height), Format: append(Formats(), "")[int(format)%(len(Formats())+1)], FramesPerSecond: float64(format)}
		if width == 0 || height == 0 {
			o.Width, o.Height = 0, 0
		}
		has := map[string][]sizeRange{}
		for ; len(in) >= 28; in = in[28:] {
			var n [6]int
			for i := range n {
				n[i] = int(binary.BigEndian.Uint32(in[4+4*i:]))
			}
			code := fourCCText(binary.BigEndian.Uint32(in))
			if int(in[0]) < len(codings) { // one of those that can be broadcast
				code = codings[in[0]].fourCC
			}
			has[code] = append(has[code], sizeRange{n[0], n[1], n[2], n[3], n[4], n[5]})
		}
		m, why, err := choose(o, has, func(m mode) float64 { return float64(m.width % 256) })
		if err != nil {
			if m != (mode{}) || why != "" {
				t.Fatalf("%+v, %v", m, err)
			}
			return
		}
		sizes, offered := has[m.fourCC]
		among := len(sizes) == 0
		for _, r := range sizes {
			among = among || m.width >= r.minWidth && m.width <= r.maxWidth && m.height >= r.minHeight && m.height <= r.maxHeight
		}
		switch {
		case !offered || !among || why == "":
			t.Fatalf("%+v, which is not among %v", m, has)
		case o.Width > 0 && (m.width != o.Width || m.height != o.Height), o.Format != "" && m.coding != o.Format:
			t.Fatalf("%+v, and wanted was %+v", m, o)
		}
	})
}

// FuzzFourCC has the codes of formats be any numbers.
func FuzzFourCC(f *testing.F) {
	f.Fuzz(func(t *testing.T, code uint32) {
		const bigEndian = 1 << 31 // is no part of the text
		if got := fourCC(fourCCText(code)); got != code&^bigEndian {
			t.Fatalf("%08x became %08x", code, got)
		}
	})
}
