package jpeg

import (
	"bytes"
	"errors"
)

// The markers of T.81, table B.1, that matter here, by their second byte. The first byte
// of a marker is FF.
const (
	TEM   = 0x01
	SOF0  = 0xc0
	DHT   = 0xc4
	JPG   = 0xc8
	DAC   = 0xcc
	SOF15 = 0xcf
	RST0  = 0xd0
	RST7  = 0xd7
	SOI   = 0xd8
	EOI   = 0xd9
	SOS   = 0xda
	DQT   = 0xdb
	DNL   = 0xdc
	DRI   = 0xdd
)

// maxSegments is more segments than a picture has before its scan. All that take one apart on a loop stop there: 16 MB
// could be four million segments.
const maxSegments = 4096

// ErrMore is returned by Next, ScanEnd, Length and Size if the data is good as far as it
// goes and ends too early. With more data the call can succeed.
var ErrMore = errors.New("the JPEG goes on beyond the data")

// Segment is a marker and the parameters that follow it.
type Segment struct {
	// Marker is the second byte of the marker.
	Marker byte
	// Data holds the parameters, without their length. It is a part of the data that was
	// given to Next. It is nil if the marker has no parameters.
	Data []byte
}

// IsFrameHeader reports whether the segment is a frame header: SOF0 to SOF15, of which
// three numbers mean something else.
func (s Segment) IsFrameHeader() bool {
	return s.Marker >= SOF0 && s.Marker <= SOF15 && s.Marker != DHT && s.Marker != JPG && s.Marker != DAC
}

// Next returns the segment that begins at data[at], and the index of the first byte after
// it: there the next segment begins or, after SOS, the entropy-coded data of a scan. Any
// number of fill bytes (FF) may precede a marker. Next returns ErrMore or ErrBroken itself,
// as none of the functions of this file allocates anything. With ErrMore, next is where to
// call Next again when there is more data.
func Next(data []byte, at int) (s Segment, next int, err error) {
	if at >= len(data) {
		return s, at, ErrMore
	}
	if data[at] != 0xff {
		return s, 0, ErrBroken
	}
	at = afterFill(data, at)
	again := at - 1
	if at == len(data) {
		return s, again, ErrMore
	}
	s.Marker, at = data[at], at+1
	switch {
	case s.Marker >= RST0 && s.Marker <= EOI, s.Marker == TEM:
		return s, at, nil // these have no parameters
	case s.Marker < SOF0: // FF00 is no marker, and the others are reserved
		return s, 0, ErrBroken
	case at+2 > len(data):
		return s, again, ErrMore
	}
	length := number(data[at:]) // it includes its own two bytes
	switch {
	case length < 2:
		return s, 0, ErrBroken
	case at+length > len(data):
		return s, again, ErrMore
	}
	s.Data = data[at+2 : at+length]
	return s, at + length, nil
}

// ScanEnd returns where the entropy-coded data ends that begins at data[at]: the index of
// the marker after it, or of the first fill byte before that marker. In entropy-coded data
// an FF is followed by 00, or is a restart marker. The error is ErrMore if there is no end;
// end is then where to go on when there is more data.
func ScanEnd(data []byte, at int) (end int, err error) {
	for {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 {
			return len(data), ErrMore
		}
		end = at + i
		if at = afterFill(data, end); at == len(data) {
			return at - 1, ErrMore
		}
		if !isInScan(data[at]) {
			return end, nil
		}
		at++
		// Where they are close together a search for each takes long.
		for near := at + 4; at < near && at+1 < len(data); {
			switch {
			case data[at] != 0xff:
				at++
			case isInScan(data[at+1]):
				at, near = at+2, at+6
			default:
				near = at
			}
		}
	}
}

// isInScan reports whether a byte behind FF belongs to a scan.
func isInScan(b byte) bool { return b == 0 || b >= RST0 && b <= RST7 }

// afterFill returns the index of the first byte from at on that is not FF.
func afterFill(data []byte, at int) int {
	for at < len(data) && data[at] == 0xff {
		at++
	}
	return at
}

// Length returns the length in bytes of the picture at the beginning of data, from SOI to
// EOI. It walks from marker to marker rather than searching for EOI, since a thumbnail in
// the headers has an EOI too. The error is ErrMore if data ends first, or ErrBroken.
func Length(data []byte) (int, error) {
	at, err := afterSOI(data)
	for err == nil {
		var s Segment
		s, at, err = Next(data, at)
		switch {
		case err != nil:
		case s.Marker == EOI:
			return at, nil
		case s.Marker == SOI: // another picture begins within this one
			err = ErrBroken
		case s.Marker == SOS:
			at, err = ScanEnd(data, at)
		}
	}
	return 0, err
}

// Size returns the width and height in pixels, 0 to 65535, of the picture at the beginning of
// data, as its frame header states them. A frame header with height 0 leaves the height to a
// DNL marker after the first scan, which Size then looks for. The error is ErrMore if data
// ends before the size is known, or ErrBroken if it is not stated, or not in the first 4096 segments.
func Size(data []byte) (width, height int, err error) {
	hasFrame := false
	at, err := afterSOI(data)
	for n := 0; err == nil; n++ {
		var s Segment
		s, at, err = Next(data, at)
		switch {
		case err != nil:
		case n == maxSegments:
			err = ErrBroken
		case s.IsFrameHeader() && !hasFrame && len(s.Data) >= 5: // precision, height, width
			hasFrame, height, width = true, number(s.Data[1:]), number(s.Data[3:])
			if height > 0 {
				return width, height, nil
			}
		case s.Marker == SOS && hasFrame:
			height, err = heightAfter(data, at)
			return width, height, err
		case s.IsFrameHeader(), s.Marker == SOS, s.Marker == EOI:
			err = ErrBroken
		}
	}
	return 0, 0, err
}

// heightAfter returns the height that a DNL marker states after the scan that begins at
// data[at].
func heightAfter(data []byte, at int) (height int, err error) {
	if at, err = ScanEnd(data, at); err != nil {
		return 0, err
	}
	s, _, err := Next(data, at)
	switch {
	case err != nil:
		return 0, err
	case s.Marker != DNL || len(s.Data) < 2:
		return 0, ErrBroken
	}
	return number(s.Data), nil
}

// number is the number in the first two bytes of p.
func number(p []byte) int { return int(p[0])<<8 | int(p[1]) }

// afterSOI returns the index of the first byte after the SOI that data begins with.
func afterSOI(data []byte) (at int, err error) {
	switch {
	case len(data) < 2:
		return 0, ErrMore
	case data[0] != 0xff || data[1] != SOI:
		return 0, ErrBroken
	}
	return 2, nil
}
