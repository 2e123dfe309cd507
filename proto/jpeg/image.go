package jpeg

import (
	"errors"
	"fmt"
)

// Image is a baseline JPEG picture as RFC 2435 carries it. Its zero value is ready for
// Parse, which may be called any number of times.
type Image struct {
	// Width and Height are in pixels, 1 to MaxDimension.
	Width, Height int
	// Type is RFC 2435's (section 4.1) without the restart bit: 0 for 4:2:2, 1 for
	// 4:2:0.
	Type uint8
	// RestartInterval is in MCUs; 0 means that the scan has no restart markers.
	RestartInterval uint16
	// Luma and Chroma are the 8-bit quantisation tables, in zigzag order.
	Luma, Chroma [64]byte
	// Red is the table of the third component, Cr, where a sender has one for each component;
	// nil if Chroma is that of both colours. Parse leaves it nil: packets carry two tables.
	Red *[64]byte
	// Scan is the entropy-coded data, from after the SOS header to before EOI. After
	// Parse it lies in the parsed data.
	Scan []byte
}

// The types of RFC 2435, section 4.1.
const (
	Type422 = 0
	Type420 = 1
)

const (
	// MaxDimension is what RTP/JPEG's header can say of a width or height: 255 units
	// of 8 pixels.
	MaxDimension = 2040
	// maxScanBytes is what its fragment offset, 24 bits, can say.
	maxScanBytes = 1 << 24
)

var (
	// ErrBroken is matched by errors about data that is no whole JPEG picture.
	ErrBroken = errors.New("broken JPEG")
	// ErrReencode is matched by errors about sound pictures that RFC 2435 cannot carry
	// as they are coded: they must be coded anew.
	ErrReencode = errors.New("JPEG that RTP cannot carry as it is coded")
	// ErrTooLarge is matched by errors about pictures that are too large whatever
	// their coding.
	ErrTooLarge = errors.New("JPEG too large for RTP")
)

// Parse takes apart the picture at the beginning of data; what follows its EOI is
// ignored, as some cameras pad their buffers. It allocates nothing unless it fails.
// Its errors match ErrBroken, ErrReencode or ErrTooLarge.
func (img *Image) Parse(data []byte) error {
	p := parser{img: img}
	*img = Image{}
	return p.parse(data)
}

// parser is what is known of a picture before its scan.
type parser struct {
	img *Image
	// tables are the quantisation tables by their number; haveTable says which there
	// are, and wide which have 16-bit values.
	tables          [4][64]byte
	haveTable, wide [4]bool
	components      [3]component
	haveFrame       bool
	huffman         huffmanTables
}

// component is one of a frame's: brightness and two colours.
type component struct {
	id, sampling, table byte
}

func (p *parser) parse(data []byte) error {
	at, err := afterSOI(data)
	if err != nil {
		return fmt.Errorf("%w: it does not begin with SOI (FFD8)", ErrBroken)
	}
	for n := 0; ; n++ {
		s, next, err := Next(data, at)
		switch {
		case n == maxSegments:
			return fmt.Errorf("%w: more than %d segments before its scan", ErrBroken, maxSegments)
		case errors.Is(err, ErrMore):
			return fmt.Errorf("%w: it ends within its headers", ErrBroken)
		case err != nil:
			return fmt.Errorf("%w: no marker, or one of an impossible length, at byte %d", ErrBroken, at)
		case s.Marker == SOS:
			if err := p.scanHeader(s.Data); err != nil {
				return err
			}
			return p.scan(data, next)
		case s.Marker == EOI:
			return fmt.Errorf("%w: it ends before its scan", ErrBroken)
		}
		if err := p.segment(s); err != nil {
			return err
		}
		at = next
	}
}

// segment takes a segment that precedes the scan.
func (p *parser) segment(s Segment) error {
	switch {
	case s.Marker == DQT:
		return p.quantisation(s.Data)
	case s.Marker == DHT:
		return p.huffman.define(s.Data)
	case s.Marker == DRI:
		if len(s.Data) < 2 {
			return fmt.Errorf("%w: DRI of %d bytes", ErrBroken, len(s.Data))
		}
		p.img.RestartInterval = uint16(s.Data[0])<<8 | uint16(s.Data[1])
	case s.Marker == DAC || s.IsFrameHeader() && s.Marker > SOF0+1:
		return fmt.Errorf("%w: its process (FF%02X) is not baseline, but progressive, lossless or arithmetic", ErrReencode, s.Marker)
	case s.IsFrameHeader():
		return p.frame(s.Data)
	}
	return nil
}

func (p *parser) quantisation(segment []byte) error {
	for len(segment) > 0 {
		precision, number := segment[0]>>4, segment[0]&15
		size := 64 << precision
		if precision > 1 || number > 3 || len(segment) < 1+size {
			return fmt.Errorf("%w: quantisation table %d of precision %d", ErrBroken, number, precision)
		}
		p.haveTable[number], p.wide[number] = true, precision == 1
		if precision == 0 {
			copy(p.tables[number][:], segment[1:])
		}
		segment = segment[1+size:]
	}
	return nil
}

// frame takes a frame header (T.81, B.2.2).
func (p *parser) frame(segment []byte) error {
	switch {
	case len(segment) < 6 || len(segment) < 6+3*int(segment[5]):
		return fmt.Errorf("%w: frame header of %d bytes", ErrBroken, len(segment))
	case p.haveFrame:
		return fmt.Errorf("%w: two frame headers", ErrBroken)
	case segment[0] != 8:
		return fmt.Errorf("%w: %d bits per sample, not 8", ErrReencode, segment[0])
	case segment[5] != 3:
		return fmt.Errorf("%w: %d components, not 3", ErrReencode, segment[5])
	}
	p.haveFrame = true
	p.img.Height, p.img.Width = number(segment[1:]), number(segment[3:])
	for i := range p.components {
		c := segment[6+3*i:]
		p.components[i] = component{id: c[0], sampling: c[1], table: c[2]}
		if c[2] > 3 {
			return fmt.Errorf("%w: component %d uses quantisation table %d", ErrBroken, i, c[2])
		}
	}
	if p.img.Height > 0 { // else a DNL marker states it
		if err := p.size(); err != nil {
			return err
		}
	}
	return p.sampling()
}

func (p *parser) size() error {
	w, h := p.img.Width, p.img.Height
	if w == 0 || h == 0 {
		return fmt.Errorf("%w: a size of %dx%d", ErrBroken, w, h)
	}
	if w > MaxDimension || h > MaxDimension {
		return fmt.Errorf("%w: %dx%d is more than %d in a direction", ErrTooLarge, w, h, MaxDimension)
	}
	return nil
}

func (p *parser) sampling() error {
	sampling := [3]byte{p.components[0].sampling, p.components[1].sampling, p.components[2].sampling}
	switch sampling {
	case [3]byte{0x21, 0x11, 0x11}:
		p.img.Type = Type422
	case [3]byte{0x22, 0x11, 0x11}:
		p.img.Type = Type420
	default:
		return fmt.Errorf("%w: sampling factors %02x, neither 4:2:2 nor 4:2:0", ErrReencode, sampling)
	}
	return nil
}

// scanHeader takes the header of the scan (T.81, B.2.3), when all tables are known.
func (p *parser) scanHeader(segment []byte) error {
	if !p.haveFrame {
		return fmt.Errorf("%w: a scan without a frame header", ErrBroken)
	}
	if len(segment) < 1 || len(segment) < 1+2*int(segment[0])+3 {
		return fmt.Errorf("%w: scan header of %d bytes", ErrBroken, len(segment))
	}
	if segment[0] != 3 {
		return fmt.Errorf("%w: %d components in its first scan, not 3", ErrReencode, segment[0])
	}
	for i, c := range p.components {
		id, huffman := segment[1+2*i], segment[2+2*i]
		if id != c.id {
			return fmt.Errorf("%w: scan component %d is %d, want %d", ErrBroken, i, id, c.id)
		}
		if err := p.huffman.check(min(i, 1), huffman>>4, huffman&15); err != nil {
			return err
		}
	}
	return p.chooseTables()
}

// chooseTables takes the quantisation tables that the components use. RTP carries two. Some
// cameras define one for each component, of which those of the colours are equal.
func (p *parser) chooseTables() error {
	for i, c := range p.components {
		if !p.haveTable[c.table] {
			return fmt.Errorf("%w: quantisation table %d of component %d is missing", ErrBroken, c.table, i)
		}
		if p.wide[c.table] {
			return fmt.Errorf("%w: 16-bit quantisation tables", ErrReencode)
		}
	}
	luma, blue, red := &p.tables[p.components[0].table], &p.tables[p.components[1].table], &p.tables[p.components[2].table]
	if *blue != *red {
		return fmt.Errorf("%w: three different quantisation tables", ErrReencode)
	}
	p.img.Luma, p.img.Chroma = *luma, *blue
	return nil
}

// scan finds the end of the scan that begins at data[begin].
func (p *parser) scan(data []byte, begin int) error {
	end, err := ScanEnd(data, begin)
	if err != nil {
		return fmt.Errorf("%w: its scan of %d bytes has no end (EOI, FFD9)", ErrBroken, len(data)-begin)
	}
	s, next, err := Next(data, end)
	if err == nil && s.Marker == DNL {
		if err := p.lines(s.Data); err != nil {
			return err
		}
		s, _, err = Next(data, next)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: its scan of %d bytes does not end with EOI (FFD9)", ErrBroken, end-begin)
	case p.img.Height == 0:
		return fmt.Errorf("%w: no height in its frame header, nor after its scan (DNL)", ErrBroken)
	case s.Marker != EOI:
		return fmt.Errorf("%w: FF%02X after the first scan", ErrReencode, s.Marker)
	case end == begin:
		return fmt.Errorf("%w: its scan is empty", ErrBroken)
	case end-begin >= maxScanBytes:
		return fmt.Errorf("%w: a scan of %d bytes, more than %d", ErrTooLarge, end-begin, maxScanBytes-1)
	}
	p.img.Scan = data[begin:end]
	return nil
}

// lines takes the height of a DNL segment (T.81, B.2.5). As decoders do, it ignores it if the
// frame header has one.
func (p *parser) lines(segment []byte) error {
	switch {
	case len(segment) < 2:
		return fmt.Errorf("%w: DNL of %d bytes", ErrBroken, len(segment))
	case p.img.Height > 0:
		return nil
	}
	p.img.Height = number(segment)
	return p.size()
}
