package openh264

import (
	"fmt"
	"image"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Decoder decodes one stream. It belongs to one goroutine.
type Decoder struct {
	library *library
	self    *table // ISVCDecoder *: a pointer to a pointer to the functions
	info    bufferInfo
	planes  [3]*byte
	picture image.YCbCr
}

// table points to ISVCDecoderVtbl.
type table struct{ functions *[10]uintptr }

// Indices of functions in ISVCDecoderVtbl.
const (
	initialize         = 0
	uninitialize       = 1
	decodeFrameNoDelay = 3
	flushFrame         = 5
	setOption          = 8
)

// parameters is SDecodingParam. Its zero value has nothing concealed: a picture that is damaged is
// an error.
type parameters struct {
	_            *byte
	cpuLoad      uint32
	layer        uint8
	concealment  int32
	parseOnly    bool
	propertySize uint32
	kind         int32
}

// bufferInfo is SBufferInfo, and room for what later releases may add.
type bufferInfo struct {
	status        int32 // 1: there is a picture
	_             [beforeLong]byte
	in, out       uint64
	width, height int32
	format        int32
	strides       [2]int32
	planes        [3]*byte
	_             [64]byte
}

const (
	optionEndOfStream = 1
	optionTraceLevel  = 9
	traceQuiet        = 0 // else the library writes to stderr
	formatI420        = 23
	// maxSide bounds what is believed of a picture's size.
	maxSide = 16384
)

// New makes a decoder. The error matches ErrMissing if the library is not installed; else it says
// why the library cannot be used.
func New() (*Decoder, error) {
	l, err := installed()
	if err != nil {
		return nil, err
	}
	d := &Decoder{library: l}
	if r, _, _ := purego.SyscallN(l.create, uintptr(unsafe.Pointer(&d.self))); int32(r) != 0 || d.self == nil {
		return nil, fmt.Errorf("OpenH264: no decoder can be made (error %d)", int32(r))
	}
	d.set(optionTraceLevel, traceQuiet)
	var p parameters
	if r, _, _ := purego.SyscallN(d.self.functions[initialize], uintptr(unsafe.Pointer(d.self)), uintptr(unsafe.Pointer(&p))); r != 0 {
		purego.SyscallN(l.destroy, uintptr(unsafe.Pointer(d.self)))
		return nil, fmt.Errorf("OpenH264: the decoder cannot be set up (error %d)", int32(r))
	}
	return d, nil
}

// Decode decodes an access unit: NAL units with start codes, before a key frame with parameter sets.
// reorders says that pictures are shown in another order than they are coded in, as B-frames are:
// they then come with a later unit, or never, and nil is returned meanwhile. The picture is the
// library's: it must not be written to, and is valid until the next call. An error says that the
// unit is damaged, needs one that was not decoded, or is of a profile that the library does not know.
func (d *Decoder) Decode(unit []byte, reorders bool) (*image.YCbCr, error) {
	if len(unit) == 0 {
		return nil, nil
	}
	d.info, d.planes = bufferInfo{}, [3]*byte{}
	state, _, _ := purego.SyscallN(d.self.functions[decodeFrameNoDelay], uintptr(unsafe.Pointer(d.self)), uintptr(unsafe.Pointer(&unit[0])),
		uintptr(len(unit)), uintptr(unsafe.Pointer(&d.planes)), uintptr(unsafe.Pointer(&d.info)))
	runtime.KeepAlive(unit)
	if int32(state) != 0 {
		return nil, fmt.Errorf("OpenH264: %s", reason(int32(state)))
	}
	if d.info.status != 1 && !reorders {
		d.flush()
	}
	if d.info.status != 1 {
		return nil, nil
	}
	return d.take()
}

// flush takes a picture that the library holds: of the main and high profiles it holds one, in case
// that B-frames follow.
func (d *Decoder) flush() {
	d.set(optionEndOfStream, 1)
	purego.SyscallN(d.self.functions[flushFrame], uintptr(unsafe.Pointer(d.self)), uintptr(unsafe.Pointer(&d.planes)), uintptr(unsafe.Pointer(&d.info)))
	d.set(optionEndOfStream, 0)
}

// set sets an option. Those that are set cannot fail.
func (d *Decoder) set(option uintptr, value int32) {
	purego.SyscallN(d.self.functions[setOption], uintptr(unsafe.Pointer(d.self)), option, uintptr(unsafe.Pointer(&value)))
}

// take makes a picture of what the library has given.
func (d *Decoder) take() (*image.YCbCr, error) {
	w, h, luma, chroma := int(d.info.width), int(d.info.height), int(d.info.strides[0]), int(d.info.strides[1])
	switch {
	case d.info.format != formatI420 || d.planes[0] == nil || d.planes[1] == nil || d.planes[2] == nil:
		return nil, fmt.Errorf("OpenH264: a picture of format %d, not I420", d.info.format)
	case w < 1 || h < 1 || w > maxSide || h > maxSide || luma < w || chroma < (w+1)/2:
		return nil, fmt.Errorf("OpenH264: a picture of %dx%d in lines of %d and %d bytes", w, h, luma, chroma)
	}
	rows := (h + 1) / 2
	d.picture = image.YCbCr{
		Y:       unsafe.Slice(d.planes[0], (h-1)*luma+w),
		Cb:      unsafe.Slice(d.planes[1], (rows-1)*chroma+(w+1)/2),
		Cr:      unsafe.Slice(d.planes[2], (rows-1)*chroma+(w+1)/2),
		YStride: luma, CStride: chroma, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, w, h),
	}
	return &d.picture, nil
}

// reason is the first thing that a DECODING_STATE says, which is a set of bits.
func reason(state int32) string {
	for _, r := range []struct {
		bit  int32
		text string
	}{
		{0x02, "a picture that this one needs is missing"}, {0x04, "the picture is damaged, or of a profile that is not supported"},
		{0x10, "the parameter sets are missing"},
	} {
		if state&r.bit != 0 {
			return r.text
		}
	}
	return fmt.Sprintf("the picture cannot be decoded (error %#x)", state)
}

// Close frees the decoder and its last picture.
func (d *Decoder) Close() {
	purego.SyscallN(d.self.functions[uninitialize], uintptr(unsafe.Pointer(d.self)))
	purego.SyscallN(d.library.destroy, uintptr(unsafe.Pointer(d.self)))
	d.self = nil
}
