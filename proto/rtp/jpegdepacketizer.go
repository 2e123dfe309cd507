package rtp

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/pion/rtp"
)

// JPEGDepacketizer puts JPEG pictures together from RTP packets (RFC 2435) that come in
// order. A picture of which a packet is missing is dropped whole. Its zero value is
// ready.
type JPEGDepacketizer struct {
	// Dropped is how many pictures were begun and not finished.
	Dropped uint64
	// Width and Height are the size in pixels of pictures whose packets give none, as they are
	// larger than MaxJPEGDimension: that of the SDP's a=x-dimensions. 0: not known.
	Width, Height int

	picture   jpeg.Image
	scan      []byte
	out       []byte
	timestamp uint32
	begun     bool
	packet    rtp.Packet
	tables    quantisation
	// cached are tables that were sent for a Q of 128 to 254, for frames that refer to
	// them (section 4.2).
	cached map[byte]quantisation
}

// quantisation is a table for each component: Y, Cb, Cr.
type quantisation [3][64]byte

var (
	// ErrMalformed is matched by errors about packets that are not of the format.
	ErrMalformed = errors.New("malformed RTP packet")
	// ErrUnsupported is matched by errors about packets that no picture can be made of here.
	ErrUnsupported = errors.New("unsupported RTP payload")
)

// Push takes a packet. When it completes a picture it returns that, a file that every
// decoder takes, which is valid until the next Push. Errors match ErrMalformed or
// ErrUnsupported; the packet is then ignored, and the picture it may have been part of will be
// dropped.
func (d *JPEGDepacketizer) Push(packet []byte) (picture []byte, ok bool, err error) {
	// What is in hand from the last packet must not be mistaken for this one's.
	d.packet = rtp.Packet{}
	if err := d.packet.Unmarshal(packet); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	f, err := parseFragment(d.packet.Payload)
	if err == nil {
		err = d.size(&f)
	}
	if err != nil {
		return nil, false, err
	}
	if f.offset == 0 {
		d.drop()
		if err := d.begin(&f); err != nil {
			return nil, false, err
		}
		d.timestamp = d.packet.Timestamp
	} else if !d.begun || d.packet.Timestamp != d.timestamp || f.offset != len(d.scan) {
		if d.begun && d.packet.Timestamp == d.timestamp && f.offset < len(d.scan) {
			return nil, false, nil // a duplicate
		}
		d.drop()
		return nil, false, nil
	}
	d.scan = append(d.scan, f.data...)
	if !d.packet.Marker {
		return nil, false, nil
	}
	d.begun = false
	d.picture.Scan = d.scan
	d.out = jpeg.Append(d.out[:0], &d.picture)
	return d.out, true, nil
}

// drop gives up the picture in hand.
func (d *JPEGDepacketizer) drop() {
	if d.begun {
		d.Dropped++
	}
	d.begun = false
}

// size gives a fragment without a size the one of the SDP.
func (d *JPEGDepacketizer) size(f *fragment) error {
	if f.width == 0 {
		f.width = d.Width
	}
	if f.height == 0 {
		f.height = d.Height
	}
	if f.width == 0 || f.height == 0 {
		return fmt.Errorf("%w: pictures without a size (width 0: larger than %d pixels), and the server's SDP gives none (a=x-dimensions)",
			ErrUnsupported, MaxJPEGDimension)
	}
	return nil
}

// begin begins a picture with its first fragment.
func (d *JPEGDepacketizer) begin(f *fragment) error {
	d.picture = jpeg.Image{Width: f.width, Height: f.height, Type: f.kind &^ typeRestart, RestartInterval: f.restart}
	if err := d.takeTables(f); err != nil {
		return err
	}
	d.picture.Luma, d.picture.Chroma = d.tables[0], d.tables[1]
	if d.tables[2] != d.tables[1] {
		d.picture.Red = &d.tables[2]
	}
	d.begun, d.scan = true, d.scan[:0]
	return nil
}

// takeTables finds a picture's quantisation tables. RFC 2435 has two for the types it defines;
// some senders have one for all components, or one for each.
func (d *JPEGDepacketizer) takeTables(f *fragment) error {
	switch n := len(f.tables); {
	case f.q < 128:
		d.tables[0], d.tables[1] = scaledTables(int(f.q))
		d.tables[2] = d.tables[1]
		return nil
	case n == 0:
		tables, known := d.cached[f.q]
		if !known {
			return fmt.Errorf("%w: the quantisation tables of Q %d were never sent", ErrMalformed, f.q)
		}
		d.tables = tables
		return nil
	case n != 64 && n != 128 && n != 192:
		return fmt.Errorf("%w: %d bytes of quantisation tables, not 64 for each of 1 to 3", ErrUnsupported, n)
	}
	for i := range d.tables {
		copy(d.tables[i][:], f.tables[min(64*i, len(f.tables)-64):])
	}
	if f.q != qInBand {
		if d.cached == nil {
			d.cached = map[byte]quantisation{}
		}
		d.cached[f.q] = d.tables
	}
	return nil
}

// fragment is a payload, understood (RFC 2435, section 3.1).
type fragment struct {
	offset        int
	kind, q       byte
	width, height int
	restart       uint16
	tables, data  []byte
}

func parseFragment(p []byte) (f fragment, err error) {
	if len(p) < jpegMainHeaderBytes {
		return f, fmt.Errorf("%w: %d bytes of payload", ErrMalformed, len(p))
	}
	f = fragment{
		offset: int(p[1])<<16 | int(p[2])<<8 | int(p[3]), kind: p[4], q: p[5],
		width: int(p[6]) * 8, height: int(p[7]) * 8,
	}
	p = p[jpegMainHeaderBytes:]
	if f.kind&^typeRestart > jpeg.Type420 {
		return f, fmt.Errorf("%w: pictures of type %d, neither 4:2:2 nor 4:2:0", ErrUnsupported, f.kind)
	}
	if f.q == 0 || f.q >= 100 && f.q < 128 {
		return f, fmt.Errorf("%w: Q %d, which is reserved", ErrMalformed, f.q)
	}
	if f.kind&typeRestart != 0 {
		if len(p) < jpegRestartHeaderBytes {
			return f, fmt.Errorf("%w: no restart header", ErrMalformed)
		}
		f.restart = uint16(p[0])<<8 | uint16(p[1])
		p = p[jpegRestartHeaderBytes:]
	}
	if f.offset == 0 && f.q >= 128 {
		if len(p) < 4 || len(p) < 4+(int(p[2])<<8|int(p[3])) {
			return f, fmt.Errorf("%w: no quantisation table header", ErrMalformed)
		}
		if p[1] != 0 {
			return f, fmt.Errorf("%w: 16-bit quantisation tables", ErrUnsupported)
		}
		n := int(p[2])<<8 | int(p[3])
		f.tables, p = p[4:4+n], p[4+n:]
	}
	f.data = p
	return f, nil
}

// BeginsJPEG reports whether an RTP packet is the first one of a picture.
func BeginsJPEG(packet []byte) bool {
	var p rtp.Packet
	if p.Unmarshal(packet) != nil || len(p.Payload) < jpegMainHeaderBytes {
		return false
	}
	return p.Payload[1]|p.Payload[2]|p.Payload[3] == 0
}
