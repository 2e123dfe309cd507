package jpeg

// WholeLength says whether a picture that has no EOI is whole: whether its coded data has
// each of its blocks. It returns the length of data up to the last block, to which EOI may be
// appended. It knows baseline and extended sequential pictures with Huffman coding; of others
// it says that they are not whole, as it does of those that have a fault before their last
// block. It reads each byte once.
func WholeLength(data []byte) (length int, isWhole bool) {
	w := wholeWalk{tables: standardDecoders()}
	at, err := afterSOI(data)
	for err == nil {
		var s Segment
		s, at, err = Next(data, at)
		switch {
		case err != nil:
			return 0, false
		case s.Marker == SOS:
			if length, isWhole = w.scan(s.Data, data, at); !isWhole {
				return 0, false
			}
			if w.missing == 0 {
				return length, true
			}
			at, err = ScanEnd(data, length)
		case !w.segment(s):
			return 0, false
		}
	}
	return 0, false
}

// wholeWalk is what the walk through a picture's blocks needs of its headers.
type wholeWalk struct {
	tables        [2][4]*decoder // by class and number
	width, height int
	components    []sampled
	missing       int // components that no scan has had yet
	interval      int // of restart markers, in MCUs
}

// sampled is a component of the frame: its blocks in an MCU.
type sampled struct {
	id, across, down byte
	isScanned        bool
}

// segment takes a segment before a scan. It returns false if the walk cannot go on.
func (w *wholeWalk) segment(s Segment) bool {
	switch {
	case s.Marker == DHT:
		return w.define(s.Data)
	case s.Marker == DRI && len(s.Data) >= 2:
		w.interval = number(s.Data)
	case s.IsFrameHeader():
		return s.Marker <= SOF0+1 && w.frame(s.Data)
	case s.Marker == SOI, s.Marker == EOI, s.Marker == DRI, s.Marker == DAC:
		return false
	}
	return true
}

func (w *wholeWalk) frame(segment []byte) bool {
	if len(segment) < 6 || len(segment) < 6+3*int(segment[5]) || len(w.components) > 0 {
		return false
	}
	w.height, w.width = number(segment[1:]), number(segment[3:])
	for i := range int(segment[5]) {
		c := segment[6+3*i:]
		across, down := c[1]>>4, c[1]&15
		if across < 1 || across > 4 || down < 1 || down > 4 {
			return false
		}
		w.components = append(w.components, sampled{id: c[0], across: across, down: down})
	}
	w.missing = len(w.components)
	return w.width > 0 && w.height > 0 && w.missing > 0 && w.missing <= 4
}

// define takes a DHT segment.
func (w *wholeWalk) define(segment []byte) bool {
	for len(segment) >= 17 {
		class, n := segment[0]>>4, segment[0]&15
		d, size := newDecoder(segment[1:])
		if d == nil || class > 1 || n > 3 {
			return false
		}
		w.tables[class][n], segment = d, segment[1+size:]
	}
	return len(segment) == 0
}

// part is a component's part in an MCU of a scan.
type part struct {
	blocks int
	dc, ac *decoder
}

// scan walks through a scan that begins at data[at]. It returns where its last block ends.
func (w *wholeWalk) scan(header, data []byte, at int) (end int, isWhole bool) {
	if len(header) < 1 || header[0] < 1 || header[0] > 4 || len(header) < 1+2*int(header[0]) {
		return 0, false
	}
	var parts [4]part
	var alone *sampled
	for i := range int(header[0]) {
		c := w.component(header[1+2*i])
		dc, ac := header[2+2*i]>>4, header[2+2*i]&15
		if c == nil || dc > 3 || ac > 3 {
			return 0, false
		}
		if !c.isScanned {
			c.isScanned, w.missing = true, w.missing-1
		}
		alone = c
		parts[i] = part{blocks: int(c.across) * int(c.down), dc: w.tables[0][dc], ac: w.tables[1][ac]}
	}
	if header[0] > 1 {
		alone = nil
	} else {
		parts[0].blocks = 1
	}
	b := bitReader{data: data, at: at}
	return b.walk(parts[:header[0]], w.units(alone), w.interval)
}

func (w *wholeWalk) component(id byte) *sampled {
	for i := range w.components {
		if w.components[i].id == id {
			return &w.components[i]
		}
	}
	return nil
}

// units is how many MCUs a scan has. In that of one component alone an MCU is a block (T.81,
// A.2.2).
func (w *wholeWalk) units(alone *sampled) int {
	across, down := 1, 1
	for _, c := range w.components {
		across, down = max(across, int(c.across)), max(down, int(c.down))
	}
	if alone == nil {
		return ceil(w.width, 8*across) * ceil(w.height, 8*down)
	}
	return ceil(ceil(w.width*int(alone.across), across), 8) * ceil(ceil(w.height*int(alone.down), down), 8)
}

func ceil(a, b int) int { return (a + b - 1) / b }
