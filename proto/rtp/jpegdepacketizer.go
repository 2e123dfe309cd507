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

	picture   jpeg.Image
	scan      []byte
	out       []byte
	timestamp uint32
	begun     bool
	packet    rtp.Packet
	// cached are tables that were sent for a Q of 128 to 254, for frames that refer to
	// them (section 4.2).
	cached map[byte][128]byte
}

// ErrMalformed is matched by errors about packets that are no RTP/JPEG.
var ErrMalformed = errors.New("malformed RTP/JPEG packet")

// Push takes a packet. When it completes a picture it returns that, a file that every
// decoder takes, which is valid until the next Push. Errors match ErrMalformed; the
// packet is then ignored, and the picture it may have been part of will be dropped.
func (d *JPEGDepacketizer) Push(packet []byte) (picture []byte, ok bool, err error) {
	// What is in hand from the last packet must not be mistaken for this one's.
	d.packet = rtp.Packet{}
	if err := d.packet.Unmarshal(packet); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	f, err := parseFragment(d.packet.Payload)
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

// begin begins a picture with its first fragment.
func (d *JPEGDepacketizer) begin(f *fragment) error {
	d.picture = jpeg.Image{Width: f.width, Height: f.height, Type: f.kind &^ typeRestart, RestartInterval: f.restart}
	switch {
	case f.q < 128:
		d.picture.Luma, d.picture.Chroma = scaledTables(int(f.q))
	case len(f.tables) == 128:
		copy(d.picture.Luma[:], f.tables)
		copy(d.picture.Chroma[:], f.tables[64:])
		if f.q != qInBand {
			if d.cached == nil {
				d.cached = map[byte][128]byte{}
			}
			d.cached[f.q] = [128]byte(f.tables)
		}
	case len(f.tables) == 0:
		tables, known := d.cached[f.q]
		if !known {
			return fmt.Errorf("%w: the tables of Q %d were never sent", ErrMalformed, f.q)
		}
		copy(d.picture.Luma[:], tables[:64])
		copy(d.picture.Chroma[:], tables[64:])
	default:
		return fmt.Errorf("%w: tables of %d bytes, not 128", ErrMalformed, len(f.tables))
	}
	d.begun, d.scan = true, d.scan[:0]
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
	if f.kind&^typeRestart > jpeg.Type420 || f.q == 0 || f.q >= 100 && f.q < 128 || f.width == 0 || f.height == 0 {
		return f, fmt.Errorf("%w: type %d, Q %d, %dx%d", ErrMalformed, f.kind, f.q, f.width, f.height)
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
			return f, fmt.Errorf("%w: 16-bit quantisation tables", ErrMalformed)
		}
		n := int(p[2])<<8 | int(p[3])
		f.tables, p = p[4:4+n], p[4+n:]
	}
	f.data = p
	return f, nil
}
