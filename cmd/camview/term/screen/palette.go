package screen

import "image/color"

// palette is a colour of xterm's 256: 16 of its own, then a cube of 6x6x6, then 24 greys.
func palette(number int) color.RGBA {
	level := func(n int) uint8 {
		if n == 0 {
			return 0
		}
		return uint8(55 + 40*n)
	}
	switch {
	case number < 16:
		return xterm[number]
	case number < 232:
		n := number - 16
		return color.RGBA{level(n / 36), level(n / 6 % 6), level(n % 6), 255}
	}
	grey := uint8(8 + 10*(number-232))
	return color.RGBA{grey, grey, grey, 255}
}

// xterm is its colours from 0 to 15.
var xterm = [16]color.RGBA{
	{0, 0, 0, 255}, {205, 0, 0, 255}, {0, 205, 0, 255}, {205, 205, 0, 255},
	{0, 0, 238, 255}, {205, 0, 205, 255}, {0, 205, 205, 255}, {229, 229, 229, 255},
	{127, 127, 127, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {255, 255, 0, 255},
	{92, 92, 255, 255}, {255, 0, 255, 255}, {0, 255, 255, 255}, {255, 255, 255, 255},
}
