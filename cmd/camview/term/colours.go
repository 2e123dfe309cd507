package term

import (
	"strconv"
	"strings"
)

// Colours is how many colours a terminal shows.
type Colours uint8

const (
	// TrueColour is 24 bits: SGR 38;2 and 48;2.
	TrueColour Colours = iota
	// Colours256 is xterm's palette of 256: SGR 38;5 and 48;5.
	Colours256
	// Colours16 is the eight of ECMA-48 and the bright ones beside them: SGR 30 to 37, 90 to 97,
	// 40 to 47 and 100 to 107.
	Colours16
	// NoColours: pictures are characters that are more or less dense.
	NoColours
)

// ColoursOf says by the environment how many colours to use, given a function such as os.Getenv.
// NO_COLOR, if it is not empty, has no colours used (https://no-color.org). Else COLORTERM is
// truecolor or 24bit for 24 bits, and TERM names a terminal.
func ColoursOf(getenv func(string) string) Colours {
	term, colorterm := getenv("TERM"), getenv("COLORTERM")
	switch {
	case getenv("NO_COLOR") != "" || term == "" || term == "dumb" || monochrome(term):
		return NoColours
	case colorterm == "truecolor" || colorterm == "24bit" || strings.HasSuffix(term, "-direct"):
		return TrueColour
	case strings.Contains(term, "256color"):
		return Colours256
	}
	return Colours16
}

// monochrome reports whether a terminal is known to have no colours: DEC's, and those whose name
// says so (terminfo(5): -m, -mono).
func monochrome(term string) bool {
	return strings.HasPrefix(term, "vt1") || strings.HasPrefix(term, "vt2") || strings.HasPrefix(term, "vt3") ||
		strings.HasSuffix(term, "-m") || strings.HasSuffix(term, "-mono")
}

// quantise replaces colours by what the terminal has: an entry of its palette, whose number is
// the first byte, or a density of characters.
func (n Colours) quantise(pixels []colour) {
	if n == TrueColour {
		return
	}
	var last, found colour
	for i, c := range pixels {
		if i == 0 || c != last { // neighbours are often equal
			last = c
			switch n {
			case Colours256:
				found = colour{nearest256(c)}
			case Colours16:
				found = colour{nearest16(c)}
			default:
				found = colour{luma(c)}
			}
		}
		pixels[i] = found
	}
}

// appendPen sets the colour of the characters, or of what is behind them.
func (n Colours) appendPen(dst []byte, behind bool, c colour) []byte {
	layer := 30 // ECMA-48, section 8.3.117: 30 to 37, and 38 for palettes
	if behind {
		layer = 40
	}
	dst = append(dst, "\x1b["...)
	switch number := int(c[0]); {
	case n == TrueColour:
		dst = strconv.AppendInt(dst, int64(layer+8), 10)
		dst = append(dst, ";2"...)
		for _, v := range c {
			dst = append(dst, ';')
			dst = strconv.AppendUint(dst, uint64(v), 10)
		}
	case n == Colours256:
		dst = strconv.AppendInt(dst, int64(layer+8), 10)
		dst = append(dst, ";5;"...)
		dst = strconv.AppendInt(dst, int64(number), 10)
	case number < 8:
		dst = strconv.AppendInt(dst, int64(layer+number), 10)
	default:
		dst = strconv.AppendInt(dst, int64(layer+60+number-8), 10)
	}
	return append(dst, 'm')
}

// densities are characters from dark to bright.
const densities = " .:-=+*#%@"

// density is the character for a cell whose halves have these lumas.
func density(c cell) byte {
	mean := (int(c.upper[0]) + int(c.lower[0])) / 2
	return densities[mean*len(densities)/256]
}

func luma(c colour) uint8 {
	return uint8((299*int(c[0]) + 587*int(c[1]) + 114*int(c[2]) + 500) / 1000)
}

// palette16 is xterm's, which others are close to.
var palette16 = [16]colour{
	{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
	{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
}

func nearest16(c colour) uint8 {
	best := 0
	for i := range palette16 {
		if distance(c, palette16[i]) < distance(c, palette16[best]) {
			best = i
		}
	}
	return uint8(best)
}

// cube is the levels of the 6x6x6 colours that begin with number 16 of xterm's 256. After them,
// from number 232 on, there are 24 greys: 8, 18, ... 238.
var cube = [6]uint8{0, 95, 135, 175, 215, 255}

func nearest256(c colour) uint8 {
	var mixed colour
	number := 16
	for i, weight := range [3]int{36, 6, 1} {
		level := nearestLevel(c[i])
		number += level * weight
		mixed[i] = cube[level]
	}
	grey := min(max((int(luma(c))-8+5)/10, 0), 23)
	shade := uint8(8 + 10*grey)
	if distance(c, colour{shade, shade, shade}) < distance(c, mixed) {
		return uint8(232 + grey)
	}
	return uint8(number)
}

// nearestLevel is the nearest of the cube's levels: the borders lie midway between them.
func nearestLevel(v uint8) int {
	switch {
	case v < 48:
		return 0
	case v < 115:
		return 1
	}
	return (int(v) - 35) / 40
}

// distance is how far apart two colours are, squared.
func distance(a, b colour) (sum int) {
	for i := range a {
		d := int(a[i]) - int(b[i])
		sum += d * d
	}
	return sum
}
