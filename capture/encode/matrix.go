package encode

import "image"

// from709 gives a 4:2:0 or 4:2:2 picture of BT.709's colours those of BT.601, which JPEG means. Both make
// brightness and colour of R, G and B by a matrix; this is the one by the inverse of the other, in fixed
// point of 16 bits:
//
//	Y  += 0.10159 Cb + 0.19609 Cr
//	Cb  = 0.98985 Cb - 0.11066 Cr
//	Cr  = 0.98340 Cr - 0.07246 Cb
func from709(p *image.YCbCr) {
	_, high := chromaPixels(p.SubsampleRatio)
	size := p.Rect.Size()
	for y := range (size.Y + high - 1) / high {
		blue, red := p.Cb[y*p.CStride:][:(size.X+1)/2], p.Cr[y*p.CStride:][:(size.X+1)/2]
		for line := high * y; line < min(high*y+high, size.Y); line++ {
			row := p.Y[line*p.YStride:][:size.X]
			for x := range row {
				b, r := int(blue[x/2])-128, int(red[x/2])-128
				row[x] = clamped(int(row[x])<<16 + 6658*b + 12851*r)
			}
		}
		for x := range blue {
			b, r := int(blue[x])-128, int(red[x])-128
			blue[x], red[x] = clamped(128<<16+64871*b-7252*r), clamped(128<<16+64448*r-4749*b)
		}
	}
}

// clamped rounds fixed point of 16 bits to a byte.
func clamped(value int) byte { return byte(min(max((value+1<<15)>>16, 0), 255)) }
