package jpeg

// AppendComplete appends to dst a picture as every decoder takes it: as it is, but with the standard
// Huffman tables before its first scan if it defines none, as many cameras' pictures do. It reads the
// headers alone. The error, ErrMore or ErrBroken, says that there is no scan, or none behind 4096 segments; dst is
// returned as it was.
func AppendComplete(dst, picture []byte) ([]byte, error) {
	at, err := afterSOI(picture)
	for n := 0; err == nil; n++ {
		var s Segment
		from := at
		switch s, at, err = Next(picture, from); {
		case err != nil:
		case n == maxSegments:
			err = ErrBroken
		case s.Marker == DHT:
			return append(dst, picture...), nil
		case s.Marker == SOS:
			dst = AppendHuffman(append(dst, picture[:from]...))
			return append(dst, picture[from:]...), nil
		case s.Marker == EOI:
			err = ErrBroken
		}
	}
	return dst, err
}
