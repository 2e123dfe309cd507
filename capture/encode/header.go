package encode

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"sync"
)

// JPEG's markers (ITU-T T.81, table B.1).
const (
	soi, eoi, sos = 0xd8, 0xd9, 0xda
	sof0, sof15   = 0xc0, 0xcf
	dht, jpg, dac = 0xc4, 0xc8, 0xcc
	dqt           = 0xdb
)

var errHeader = errors.New("broken JPEG: its headers do not lead to a scan")

// header is what a JPEG says of itself before its first scan.
type header struct {
	width, height int
	components    int
	sampling      [3]byte // of the first components, horizontally and vertically
	table         [3]byte // the quantisation tables they use
	wide          bool    // a quantisation table has 16 bits
	huffman       bool    // there are Huffman tables
}

// parseHeader reads the headers of a picture. It allocates nothing.
func parseHeader(picture []byte) (h header, err error) {
	if len(picture) < 4 || picture[0] != 0xff || picture[1] != soi {
		return h, errHeader
	}
	for rest := picture[2:]; ; {
		marker, content, after, ok := cutSegment(rest)
		switch {
		case !ok:
			return h, errHeader
		case marker == sos:
			if h.components == 0 {
				return h, errHeader
			}
			return h, nil
		case marker == dht:
			h.huffman = true
		case marker == dqt:
			h.wide = h.wide || hasWideTable(content)
		case marker >= sof0 && marker <= sof15 && marker != jpg && marker != dac:
			if !h.parseFrame(content) {
				return h, errHeader
			}
		}
		rest = after
	}
}

// cutSegment cuts the segment that data begins with into its marker and content.
func cutSegment(data []byte) (marker byte, content, after []byte, ok bool) {
	fill := 0
	for fill < len(data) && data[fill] == 0xff {
		fill++
	}
	if fill == 0 || len(data) < fill+3 || data[fill] < sof0 || data[fill] == eoi {
		return 0, nil, nil, false
	}
	marker, data = data[fill], data[fill+1:]
	n := int(data[0])<<8 | int(data[1])
	if n < 2 || n > len(data) {
		return 0, nil, nil, false
	}
	return marker, data[2:n], data[n:], true
}

// parseFrame takes a frame header (T.81, B.2.2).
func (h *header) parseFrame(content []byte) bool {
	if len(content) < 6 || content[5] == 0 || len(content) < 6+3*int(content[5]) {
		return false
	}
	h.height = int(content[1])<<8 | int(content[2])
	h.width = int(content[3])<<8 | int(content[4])
	h.components = int(content[5])
	for i := range min(h.components, len(h.sampling)) {
		h.sampling[i], h.table[i] = content[6+3*i+1], content[6+3*i+2]
	}
	return true
}

// hasWideTable reports whether a DQT segment has a table of 16 bits (T.81, B.2.4.1).
func hasWideTable(content []byte) bool {
	for len(content) > 0 {
		if content[0]>>4 != 0 {
			return true
		}
		content = content[min(1+64, len(content)):]
	}
	return false
}

// carryable reports whether RTP could carry the picture's coefficients as they are: only
// the order and the Huffman coding of them may differ (RFC 2435, section 3.1).
func (h *header) carryable() bool {
	return h.components == 3 && !h.wide && h.table[1] == h.table[2] &&
		(h.sampling == [3]byte{0x21, 0x11, 0x11} || h.sampling == [3]byte{0x22, 0x11, 0x11})
}

// standardHuffman is a DHT segment of the standard tables (T.81, K.3), which are meant
// where a picture has none. Go's encoder writes them: it is asked for them once.
var standardHuffman = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 1, 1), image.YCbCrSubsampleRatio420), nil); err != nil {
		panic(err) // it writes to memory
	}
	for rest := b.Bytes()[2:]; ; {
		marker, _, after, ok := cutSegment(rest)
		switch {
		case !ok:
			panic("image/jpeg writes no Huffman tables")
		case marker == dht:
			return rest[:len(rest)-len(after)]
		}
		rest = after
	}
})

// withHuffman returns the picture with Huffman tables, the standard ones if it has none.
func withHuffman(picture []byte, h header) []byte {
	if h.huffman {
		return picture
	}
	return slices.Concat(picture[:2], standardHuffman(), picture[2:])
}
