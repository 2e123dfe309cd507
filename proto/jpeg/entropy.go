package jpeg

// decoder is a Huffman table for reading: by the length of a code the first code, and the
// index of its value (T.81, F.2.2.3).
type decoder struct {
	counts [16]byte
	values []byte
}

// newDecoder takes a table as in a DHT segment: 16 counts and the values. It returns nil if
// it is cut off.
func newDecoder(table []byte) (d *decoder, size int) {
	size = 16
	for _, n := range table[:16] {
		size += int(n)
	}
	if size > len(table) {
		return nil, 0
	}
	return &decoder{counts: [16]byte(table[:16]), values: table[16:size]}, size
}

// standardDecoders are the tables that a picture without DHT means.
func standardDecoders() (tables [2][4]*decoder) {
	for component := range standardHuffman {
		for class, table := range standardHuffman[component] {
			tables[class][component], _ = newDecoder(table)
		}
	}
	return tables
}

// bitReader reads entropy-coded data.
type bitReader struct {
	data []byte
	at   int  // index of the next byte
	bits uint // how many bits of the byte before are not read
	last byte // that byte
	bad  bool // the data have ended, or have no such code
}

// walk walks through a scan's MCUs. It returns where the last one ends.
func (b *bitReader) walk(parts []part, units, interval int) (end int, isWhole bool) {
	for unit := range units {
		if interval > 0 && unit > 0 && unit%interval == 0 && !b.restart(unit/interval-1) {
			return 0, false
		}
		for i := range parts {
			for range parts[i].blocks {
				b.block(&parts[i])
			}
			if b.bad {
				return 0, false
			}
		}
	}
	return b.at, true
}

// block reads one block of 64 coefficients.
func (b *bitReader) block(p *part) {
	b.skip(b.code(p.dc))
	for k := 1; k < 64 && !b.bad; k++ {
		value := b.code(p.ac)
		run, size := int(value>>4), value&15
		if size == 0 && run < 15 {
			b.bad = b.bad || run > 0
			return // the rest is 0
		}
		k += run
		b.bad = b.bad || k > 63
		b.skip(size)
	}
}

// code reads a Huffman code and returns its value.
func (b *bitReader) code(d *decoder) byte {
	if d == nil {
		b.bad = true
		return 0
	}
	code, first, index := 0, 0, 0
	for _, n := range d.counts {
		code |= b.bit()
		if code-first < int(n) {
			return d.values[index+code-first]
		}
		index += int(n)
		first = (first + int(n)) << 1
		code <<= 1
		if b.bad {
			break
		}
	}
	b.bad = true
	return 0
}

func (b *bitReader) skip(bits byte) {
	b.bad = b.bad || bits > 16
	for ; bits > 0 && !b.bad; bits-- {
		b.bit()
	}
}

func (b *bitReader) bit() int {
	if b.bits == 0 && !b.fill() {
		b.bad = true
		return 0
	}
	b.bits--
	return int(b.last>>b.bits) & 1
}

// fill takes the next byte. An FF is followed by 00, else it begins a marker.
func (b *bitReader) fill() bool {
	if b.at >= len(b.data) {
		return false
	}
	b.last, b.bits = b.data[b.at], 8
	if b.last == 0xff {
		if b.at++; b.at >= len(b.data) || b.data[b.at] != 0 {
			return false
		}
	}
	b.at++
	return true
}

// restart reads the restart marker of a number, counted from 0.
func (b *bitReader) restart(n int) bool {
	s, next, err := Next(b.data, b.at)
	if err != nil || s.Marker != RST0+byte(n&7) {
		return false
	}
	b.at, b.bits = next, 0
	return true
}
