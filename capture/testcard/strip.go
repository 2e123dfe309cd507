package testcard

import (
	"errors"
	"image"
	"image/color"
	"time"
)

// The strip says the frame's number and time in squares of 8 by 8 pixels, each of which
// is one block of the JPEG: they come through any quality. White is 1. 32 bits of
// number, 48 of time in milliseconds since 1970, 8 of a checksum, most significant
// first, in as many rows as are needed, each as long as the others, in the middle of the
// bottom.
const (
	square      = 8
	numberBits  = 32
	timeBits    = 48
	sumBits     = 8
	stripBits   = numberBits + timeBits + sumBits
	black       = 16
	white       = 235
	stripShare  = 3 // the strip takes at most 1/3 of the picture, or is left out
	sumStart    = 0xa5
	sumMultiply = 31
)

// strip is where the squares are. left and top are multiples of square.
type strip struct {
	columns, rows, left, top int
}

// stripOf is the strip of a picture of a size; it has no rows if there is no room.
func stripOf(width, height int) strip {
	across := width / square
	if across == 0 {
		return strip{}
	}
	s := strip{rows: (stripBits + across - 1) / across}
	if s.rows*square*stripShare > height {
		return strip{}
	}
	s.columns = (stripBits + s.rows - 1) / s.rows
	s.left = (across - s.columns) / 2 * square
	s.top = (height/square - s.rows) * square
	if s.top > height/2+square { // away from the edge, if the texts have room
		s.top -= square
	}
	return s
}

// bits is what the strip says, as bytes.
func bits(number uint32, wall time.Time) (b [stripBits / 8]byte) {
	ms := uint64(wall.UnixMilli())
	for i := range 4 {
		b[i] = byte(number >> (24 - 8*i))
	}
	for i := range 6 {
		b[4+i] = byte(ms >> (40 - 8*i))
	}
	b[10] = checksum(b[:10])
	return b
}

func checksum(p []byte) (sum byte) {
	sum = sumStart
	for _, v := range p {
		sum = sum*sumMultiply + v
	}
	return sum
}

// draw draws the squares into the brightness of a picture.
func (s strip) draw(picture *image.YCbCr, number uint32, wall time.Time) {
	if s.rows == 0 {
		return
	}
	data := bits(number, wall)
	for i := range stripBits {
		value := byte(black)
		if data[i/8]>>(7-i%8)&1 == 1 {
			value = white
		}
		x, y := s.left+i%s.columns*square, s.top+i/s.columns*square
		for line := range square {
			row := picture.Y[(y+line)*picture.YStride+x:][:square]
			for j := range row {
				row[j] = value
			}
		}
	}
}

// ErrNoStrip says that a picture is no test card, is damaged, or is too small to have a
// strip.
var ErrNoStrip = errors.New("no test card's number in the picture")

// Read returns the frame's number and the time of day that are drawn into a test card,
// however it was coded, as long as its size is the card's own.
func Read(picture image.Image) (number uint32, wall time.Time, err error) {
	bounds := picture.Bounds()
	s := stripOf(bounds.Dx(), bounds.Dy())
	if s.rows == 0 {
		return 0, time.Time{}, ErrNoStrip
	}
	var data [stripBits / 8]byte
	for i := range stripBits {
		x, y := bounds.Min.X+s.left+i%s.columns*square, bounds.Min.Y+s.top+i/s.columns*square
		if brightness(picture, x, y) > (black+white)/2 {
			data[i/8] |= 1 << (7 - i%8)
		}
	}
	if data[10] != checksum(data[:10]) {
		return 0, time.Time{}, ErrNoStrip
	}
	ms := uint64(0)
	for i, v := range data[:10] {
		if i < 4 {
			number = number<<8 | uint32(v)
		} else {
			ms = ms<<8 | uint64(v)
		}
	}
	return number, time.UnixMilli(int64(ms)), nil
}

// brightness is the mean of the middle of a square.
func brightness(picture image.Image, x, y int) int {
	sum := 0
	for dy := 2; dy < 6; dy++ {
		for dx := 2; dx < 6; dx++ {
			if p, ok := picture.(*image.YCbCr); ok {
				sum += int(p.Y[p.YOffset(x+dx, y+dy)])
				continue
			}
			sum += int(color.GrayModel.Convert(picture.At(x+dx, y+dy)).(color.Gray).Y)
		}
	}
	return sum / 16
}
