package encode

import (
	"fmt"
	"image"
	"slices"
)

// Format is how pixels lie in memory. Its names are those that a person gives.
type Format string

// The formats, with the names that V4L2 has for them (V4L2_PIX_FMT_...).
const (
	YUYV  Format = "yuyv"  // YUYV: packed 4:2:2, Y Cb Y Cr
	UYVY  Format = "uyvy"  // UYVY: packed 4:2:2, Cb Y Cr Y
	NV12  Format = "nv12"  // NV12: 4:2:0, the plane of Y, then one of pairs Cb Cr
	NV21  Format = "nv21"  // NV21: 4:2:0, the plane of Y, then one of pairs Cr Cb
	I420  Format = "i420"  // YUV420 (YU12): 4:2:0, three planes: Y, Cb, Cr
	Grey  Format = "grey"  // GREY: Y alone
	RGB24 Format = "rgb24" // RGB24 (RGB3): bytes R G B
	BGR24 Format = "bgr24" // BGR24 (BGR3): bytes B G R
)

// Formats are all formats of pixels.
func Formats() []Format { return []Format{YUYV, UYVY, NV12, NV21, I420, Grey, RGB24, BGR24} }

// Pixels says how a picture's pixels lie in memory, all of its planes one after the other.
type Pixels struct {
	Format Format
	// Width and Height are in pixels, 1 to 65500. Odd ones are rounded up where pixels share
	// a sample of colour.
	Width, Height int
	// Stride is how many bytes the lines of the first plane are apart; 0: lines follow each
	// other without a gap. Those of I420's other planes are half as many apart, rounded up.
	Stride int
	// Limited: brightness is 16 to 235 and colour 16 to 240, as cameras have it by V4L2's
	// rules unless they say otherwise; for RGB, 16 to 235. Else all values are used, as in JPEG.
	Limited bool
	// BT709: brightness and colour are made by BT.709's matrix, as of HDTV, and not by BT.601's. It means
	// nothing for RGB and grey.
	BT709 bool
}

// plan is where in memory the planes of a picture are, in bytes.
type plan struct {
	stride, line int // of the first plane; line is without what fills it up
	// chromaAt is where the second plane begins; its lines are as far apart as chromaStride
	// says, and end after chromaLine. All are 0 if there is one plane only.
	chromaAt, chromaStride, chromaLine, chromaLines int
	// secondAt is where the third plane begins, 0 if there is none.
	secondAt int
	// need is how many bytes there must be: the last line need not be filled up.
	need int
}

// maxStride is the largest distance of lines: such a picture of the largest height has fewer bytes
// than an int64 counts.
const maxStride = 1 << 24

// plan checks a layout and works it out.
func (p Pixels) plan() (l plan, err error) {
	switch {
	case p.Width < 1 || p.Width > maxSide || p.Height < 1 || p.Height > maxSide:
		return l, fmt.Errorf("pixels of %dx%d: both must be 1 to %d", p.Width, p.Height, maxSide)
	case !slices.Contains(Formats(), p.Format):
		return l, fmt.Errorf("format %q of pixels is unknown", string(p.Format))
	}
	pairs := (p.Width + 1) / 2
	switch p.Format {
	case YUYV, UYVY:
		l.line = 4 * pairs
	case RGB24, BGR24:
		l.line = 3 * p.Width
	default:
		l.line = p.Width
	}
	l.stride = p.Stride
	if l.stride == 0 {
		l.stride = l.line
	}
	if l.stride < l.line || l.stride > maxStride {
		return l, fmt.Errorf("lines of %s are %d bytes apart: must be %d to %d for a width of %d", p.Format, l.stride, l.line, maxStride, p.Width)
	}
	need := int64(p.Height-1)*int64(l.stride) + int64(l.line)
	plane := int64(p.Height) * int64(l.stride)
	l.chromaLines = (p.Height + 1) / 2
	var chroma, second int64
	switch p.Format {
	case NV12, NV21:
		l.chromaStride, l.chromaLine = max(l.stride, 2*pairs), 2*pairs // an odd stride cannot hold the last pair
		chroma = plane
		need = plane + int64(l.chromaLines-1)*int64(l.chromaStride) + int64(l.chromaLine)
	case I420:
		l.chromaStride, l.chromaLine = (l.stride+1)/2, pairs
		chroma = plane
		second = chroma + int64(l.chromaLines)*int64(l.chromaStride)
		need = second + int64(l.chromaLines-1)*int64(l.chromaStride) + int64(l.chromaLine)
	}
	if l.need = int(need); int64(l.need) != need { // 32 bits
		return l, fmt.Errorf("pixels of %dx%d with lines %d bytes apart do not fit in memory", p.Width, p.Height, l.stride)
	}
	l.chromaAt, l.secondAt = int(chroma), int(second)
	return l, nil
}

// Check says what is wrong with the layout; nil: nothing.
func (p Pixels) Check() error {
	_, err := p.plan()
	return err
}

// Size is how many bytes a picture must have, at least; those that fill up its last line may be missing.
// It is 0 if the layout is wrong.
func (p Pixels) Size() int {
	l, err := p.plan()
	if err != nil {
		return 0
	}
	return l.need
}

// Ratio is the sampling of colour that keeps the most of what the pixels have and RTP can carry: 4:2:2
// for the packed formats, else 4:2:0.
func (p Pixels) Ratio() image.YCbCrSubsampleRatio {
	if p.Format == YUYV || p.Format == UYVY {
		return image.YCbCrSubsampleRatio422
	}
	return image.YCbCrSubsampleRatio420
}

// I420Planes makes planes for ToI420.
func I420Planes(width, height int) *image.YCbCr {
	return image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
}

// ToI420 takes a picture apart into the planes of dst, which must be 4:2:0 and have the picture's size,
// as I420Planes makes them. Their values are those of JPEG: all from 0 to 255 are used, and colours
// are BT.601's; so H.264 made of them is video_full_range_flag 1 and matrix_coefficients 6. It only
// reads src, keeps neither, and allocates nothing. It may be called by any goroutine.
func ToI420(dst *image.YCbCr, src []byte, p Pixels) error {
	if dst.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return fmt.Errorf("planes of sampling %v: must be 4:2:0", dst.SubsampleRatio)
	}
	return p.Unpack(dst, src)
}

// Unpack takes a picture apart as ToI420 does, into planes that are 4:2:0, or, for packed 4:2:2, of
// that sampling.
func (p Pixels) Unpack(dst *image.YCbCr, src []byte) error {
	l, err := p.plan()
	if err != nil {
		return err
	}
	if !check(dst) || dst.Rect.Size() != image.Pt(p.Width, p.Height) || dst.SubsampleRatio != image.YCbCrSubsampleRatio420 && dst.SubsampleRatio != p.Ratio() {
		return fmt.Errorf("planes of %v, %v for %s of %dx%d", dst.Rect.Size(), dst.SubsampleRatio, p.Format, p.Width, p.Height)
	}
	if len(src) < l.need {
		return fmt.Errorf("%d bytes of %s %dx%d: must be %d", len(src), p.Format, p.Width, p.Height, l.need)
	}
	values := p.levels()
	switch p.Format {
	case YUYV, UYVY:
		unpack422(dst, src, l, p.Format == UYVY, values)
	case NV12, NV21:
		unpackLuma(dst, src, l, values)
		first, second := dst.Cb, dst.Cr
		if p.Format == NV21 {
			first, second = second, first
		}
		unpackPairs(first, second, dst.CStride, src, l, values)
	case I420:
		unpackLuma(dst, src, l, values)
		for y := range l.chromaLines {
			at := y * l.chromaStride
			values.colour.apply(dst.Cb[y*dst.CStride:], src[l.chromaAt+at:][:l.chromaLine])
			values.colour.apply(dst.Cr[y*dst.CStride:], src[l.secondAt+at:][:l.chromaLine])
		}
	case Grey:
		unpackLuma(dst, src, l, values)
		noColour(dst)
	case RGB24:
		unpackRGB(dst, src, l, 0, 2, values)
	case BGR24:
		unpackRGB(dst, src, l, 2, 0, values)
	}
	if p.BT709 && p.Format != Grey && p.Format != RGB24 && p.Format != BGR24 {
		from709(dst)
	}
	return nil
}
