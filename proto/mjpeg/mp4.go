package mjpeg

import "slices"

// box skips a box of an MP4. It returns false if it needs more bytes.
func (s *Scanner) box(isEnd bool) bool {
	rest := s.buffer[s.at:]
	if len(rest) < 16 {
		s.inMP4 = !isEnd
		return isEnd
	}
	s.visits += 16
	size := int64(bigEndian(rest[:4]))
	switch size {
	case 0: // to the end of the file
		size = 1 << 62
	case 1:
		size = int64(min(bigEndian(rest[8:16]), 1<<62))
	}
	if size < 8 || !isBoxType(rest[4:8]) {
		s.inMP4 = false
		return true
	}
	s.skip = size
	return true
}

func bigEndian(p []byte) (n uint64) {
	for _, b := range p {
		n = n<<8 | uint64(b)
	}
	return n
}

func isBoxType(p []byte) bool {
	return !slices.ContainsFunc(p, func(b byte) bool { return b < ' ' || b > '~' })
}
