package encode

import "image"

// FromYUYV takes a camera's packed 4:2:2 picture (V4L2_PIX_FMT_YUYV: Y Cb Y Cr) apart
// into the planes of dst, which is 4:2:2 and says the size; an odd width's last column
// has the colour of its pair. Lines of src are bytesPerLine apart. Lines that src is
// too short for are left as they were.
func FromYUYV(dst *image.YCbCr, src []byte, bytesPerLine int) {
	width, height := dst.Rect.Dx(), dst.Rect.Dy()
	pairs := (width + 1) / 2
	for line := range height {
		from := line * bytesPerLine
		if from < 0 || from+4*pairs > len(src) {
			return
		}
		in := src[from : from+4*pairs]
		luma := dst.Y[line*dst.YStride : line*dst.YStride+width]
		blue := dst.Cb[line*dst.CStride : line*dst.CStride+pairs]
		red := dst.Cr[line*dst.CStride : line*dst.CStride+pairs]
		for i := range width / 2 {
			p := in[4*i : 4*i+4 : 4*i+4]
			luma[2*i], blue[i], luma[2*i+1], red[i] = p[0], p[1], p[2], p[3]
		}
		if width%2 == 1 {
			p := in[4*(pairs-1):]
			luma[width-1], blue[pairs-1], red[pairs-1] = p[0], p[1], p[3]
		}
	}
}
