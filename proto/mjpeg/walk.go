package mjpeg

import "github.com/camcast/camcast/proto/jpeg"

// segment walks over a segment. It returns a picture that ends, and false if it needs more bytes.
func (s *Scanner) segment(isEnd bool) (picture []byte, goesOn bool) {
	s.visits += 4
	s.passFill()
	segment, next, err := jpeg.Next(s.buffer, s.at)
	switch {
	case err == jpeg.ErrMore && !isEnd && s.at-s.begin <= s.maxFrame:
		return nil, false
	case err != nil:
		if s.hasAny && isEnd && err == jpeg.ErrMore {
			return s.endWithoutEOI(len(s.buffer)), true
		}
		s.giveUp()
		return nil, true
	}
	switch {
	case next-s.begin > s.maxFrame:
		s.passed(segment, next)
		s.giveUp()
	case segment.Marker == jpeg.EOI && s.hasAny:
		picture := s.buffer[s.begin:next]
		s.at = next
		return s.take(picture), true
	case segment.Marker == jpeg.SOI && s.at == s.begin+2:
		s.begin = -1 // this one had nothing yet; it is not worth counting
	case segment.Marker == jpeg.SOI && s.hasAny:
		return s.endWithoutEOI(s.at), true
	case segment.Marker == jpeg.SOI, segment.Marker == jpeg.EOI,
		segment.IsFrameHeader() && s.hasFrame, segment.Marker == jpeg.SOS && !isScanHeader(segment.Data):
		s.giveUp()
	default:
		s.passed(segment, next)
	}
	return nil, true
}

// passFill goes to the last fill byte before a marker, of which there may be very many.
func (s *Scanner) passFill() {
	for s.at+1 < len(s.buffer) && s.buffer[s.at] == 0xff && s.buffer[s.at+1] == 0xff {
		s.at++
		s.visits++
		s.resume, s.within = s.at, 0
	}
}

// passed goes on behind a segment.
func (s *Scanner) passed(segment jpeg.Segment, next int) {
	s.at, s.resume, s.within = next, next-len(segment.Data), 0
	switch {
	case segment.Marker == jpeg.SOS:
		s.inScan, s.hasAny = true, true
	case segment.IsFrameHeader():
		s.hasFrame = true
	case segment.Marker >= 0xe0 && segment.Marker <= 0xef: // an application segment
		s.within = s.base + int64(next)
	}
}

// scan walks through entropy-coded data. Its results are those of segment.
func (s *Scanner) scan(isEnd bool) (picture []byte, goesOn bool) {
	end, err := jpeg.ScanEnd(s.buffer, s.at)
	s.visits += uint64(end-s.at) + 2
	if err != nil && !isEnd && end-s.begin <= s.maxFrame {
		s.at = end
		return nil, false
	}
	s.at, s.resume, s.within = end, end, 0
	switch {
	case end-s.begin > s.maxFrame:
		s.giveUp()
	case err != nil:
		return s.endWithoutEOI(len(s.buffer)), true
	default:
		s.inScan = false
	}
	return nil, true
}

// isScanHeader says whether these can be the parameters of SOS (T.81, B.2.3). A picture that is cut
// off in the middle of them takes the next one's beginning for its own.
func isScanHeader(p []byte) bool {
	if len(p) == 0 || p[0] < 1 || p[0] > 4 || len(p) != 4+2*int(p[0]) {
		return false
	}
	for i := range int(p[0]) {
		if tables := p[2+2*i]; tables>>4 > 3 || tables&15 > 3 {
			return false
		}
	}
	return p[len(p)-3] < 64 && p[len(p)-2] < 64
}
