package encode

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/camcast/camcast/proto/jpeg"
)

var errHeader = errors.New("broken JPEG: its headers do not lead to a scan")

// header is what a JPEG says of itself before its first scan.
type header struct {
	process       byte // the frame header's marker
	precision     int  // bits a sample
	width, height int
	components    int
	sampling      [3]byte     // of the first components, horizontally and vertically
	table         [3]byte     // the numbers of the quantisation tables they use
	tables        [4][64]byte // the quantisation tables of 8 bits, by number
	wide          bool        // a quantisation table has 16 bits
	huffman       bool        // there are Huffman tables
}

// parseHeader reads the headers of a picture. It allocates nothing.
func parseHeader(picture []byte) (h header, err error) {
	if !bytes.HasPrefix(picture, []byte{0xff, jpeg.SOI}) {
		return h, errHeader
	}
	for at := 2; ; {
		s, next, err := jpeg.Next(picture, at)
		switch {
		case err != nil, s.Marker == jpeg.EOI:
			return h, errHeader
		case s.Marker == jpeg.SOS:
			if h.components == 0 {
				return h, errHeader
			}
			return h, nil
		case s.Marker == jpeg.DHT:
			h.huffman = true
		case s.Marker == jpeg.DQT:
			h.parseTables(s.Data)
		case s.IsFrameHeader():
			if !h.parseFrame(s.Data) {
				return h, errHeader
			}
			h.process = s.Marker
		}
		at = next
	}
}

// parseFrame takes a frame header (T.81, B.2.2).
func (h *header) parseFrame(content []byte) bool {
	if len(content) < 6 || content[5] == 0 || len(content) < 6+3*int(content[5]) {
		return false
	}
	h.precision = int(content[0])
	h.height = int(content[1])<<8 | int(content[2])
	h.width = int(content[3])<<8 | int(content[4])
	h.components = int(content[5])
	for i := range min(h.components, len(h.sampling)) {
		h.sampling[i], h.table[i] = content[6+3*i+1], content[6+3*i+2]
	}
	return true
}

// parseTables takes a DQT segment, which may define several tables (T.81, B.2.4.1).
func (h *header) parseTables(content []byte) {
	for len(content) > 0 {
		precision, number := content[0]>>4, content[0]&15
		if precision != 0 {
			h.wide = true
			return // such a picture is decoded
		}
		if content = content[1:]; int(number) < len(h.tables) {
			copy(h.tables[number][:], content)
		}
		content = content[min(64, len(content)):]
	}
}

// The processes that can be decoded (T.81, table B.1): all others are lossless or hierarchical.
const (
	baseline, extended, progressive             = jpeg.SOF0, jpeg.SOF0 + 1, jpeg.SOF0 + 2
	arithmeticSequential, arithmeticProgressive = jpeg.SOF0 + 9, jpeg.SOF0 + 10
)

// decodable says why nobody here can decode the picture's pixels; nil: its headers forbid it not. hasTurbo:
// there is libjpeg-turbo.
func (h *header) decodable(hasTurbo bool) error {
	switch h.process {
	case baseline, extended, progressive:
	case arithmeticSequential, arithmeticProgressive:
		if !hasTurbo {
			return errArithmetic
		}
	default:
		return fmt.Errorf("is lossless or hierarchical (FF%02X), which cannot be decoded: it must be baseline, progressive or arithmetic", h.process)
	}
	switch {
	case h.precision != 8:
		return fmt.Errorf("has %d bits a sample, which cannot be decoded: it must have 8", h.precision)
	case h.components != 1 && h.components != 3 && h.components != 4:
		return fmt.Errorf("has %d components: it must have 1 (grey), 3 (colour) or 4 (CMYK)", h.components)
	}
	return nil
}

var errArithmetic = errors.New("is coded arithmetically, which only libjpeg-turbo decodes: install it (apt install libturbojpeg0)")

// carryable reports whether RTP could carry the picture's coefficients as they are: only
// their order and their Huffman coding may differ (RFC 2435, section 3.1).
func (h *header) carryable() bool {
	return h.components == 3 && h.precision == 8 && !h.wide && h.twoTables() &&
		(h.sampling == [3]byte{0x21, 0x11, 0x11} || h.sampling == [3]byte{0x22, 0x11, 0x11})
}

// twoTables reports whether both colours use the same quantisation table, or equal ones.
func (h *header) twoTables() bool {
	blue, red := h.table[1], h.table[2]
	return blue == red || int(max(blue, red)) < len(h.tables) && h.tables[blue] == h.tables[red]
}

// withHuffman returns the picture with Huffman tables, the standard ones if it has none.
func withHuffman(picture []byte, h header) []byte {
	if h.huffman {
		return picture
	}
	return slices.Concat(picture[:2], jpeg.AppendHuffman(nil), picture[2:])
}
