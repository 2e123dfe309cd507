package file

import (
	"bytes"
	"errors"
)

var (
	errBroken = errors.New("broken JPEG")
	errMore   = errors.New("the JPEG goes on beyond the data")
)

// JPEG's markers (ITU-T T.81, table B.1).
const (
	soi, eoi, sos = 0xd8, 0xd9, 0xda
	rst0, rst7    = 0xd0, 0xd7
	sof0, sof15   = 0xc0, 0xcf
	dht, jpg, dac = 0xc4, 0xc8, 0xcc
)

// length is how long the JPEG is that data begins with. It walks from marker to marker
// rather than looking for an EOI, since thumbnails among the headers have one too. Its
// error is errMore if data ends first, or errBroken.
func length(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, errMore
	}
	if data[0] != 0xff || data[1] != soi {
		return 0, errBroken
	}
	for at := 2; ; {
		marker, next, err := segment(data, at)
		switch {
		case err != nil:
			return 0, err
		case marker == eoi:
			return next, nil
		case marker == soi:
			return 0, errBroken // another picture begins within this one
		case marker == sos:
			if next, err = scanEnd(data, next); err != nil {
				return 0, err
			}
		}
		at = next
	}
}

// segment returns the marker at a place and where the next one, or the scan, begins.
func segment(data []byte, at int) (marker byte, next int, err error) {
	if at < len(data) && data[at] != 0xff {
		return 0, 0, errBroken
	}
	for at < len(data) && data[at] == 0xff {
		at++
	}
	if at >= len(data) {
		return 0, 0, errMore
	}
	marker, at = data[at], at+1
	if marker == soi || marker == eoi || marker >= rst0 && marker <= rst7 {
		return marker, at, nil
	}
	if marker < sof0 { // no JPEG has these
		return 0, 0, errBroken
	}
	if at+2 > len(data) {
		return 0, 0, errMore
	}
	n := int(data[at])<<8 | int(data[at+1])
	switch {
	case n < 2:
		return 0, 0, errBroken
	case at+n > len(data):
		return 0, 0, errMore
	}
	return marker, at + n, nil
}

// scanEnd returns where the scan at a place ends: at a marker that is no restart.
func scanEnd(data []byte, at int) (int, error) {
	for {
		i := bytes.IndexByte(data[min(at, len(data)):], 0xff)
		if i < 0 {
			return 0, errMore
		}
		at += i
		end := at
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at == len(data) {
			return 0, errMore
		}
		if m := data[at]; m != 0 && (m < rst0 || m > rst7) {
			return end, nil
		}
		at++
	}
}

// size finds a whole picture's width and height.
func size(picture []byte) (width, height int, err error) {
	for at := 2; ; {
		marker, next, err := segment(picture, at)
		if err != nil {
			return 0, 0, errBroken
		}
		if marker >= sof0 && marker <= sof15 && marker != dht && marker != jpg && marker != dac {
			if header := picture[at:next]; len(header) >= 9 {
				return int(header[7])<<8 | int(header[8]), int(header[5])<<8 | int(header[6]), nil
			}
			return 0, 0, errBroken
		}
		if marker == sos || marker == eoi {
			return 0, 0, errBroken
		}
		at = next
	}
}
