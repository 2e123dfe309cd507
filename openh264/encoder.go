package openh264

import (
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// EncoderOptions are the settings of an Encoder.
type EncoderOptions struct {
	// Width and Height are in pixels, even, 16 to 4096; the library refuses more than 36864 blocks of
	// 16x16 pixels.
	Width, Height int
	// FramesPerSecond is the rate at which frames come, 1 to 240: the bits of a second are divided by it.
	FramesPerSecond float64
	// Bitrate is in bits a second, MinBitrate to MaxBitrate.
	Bitrate int
	// KeyInterval is how many frames there are from one key frame to the next; 0: the first frame is one,
	// and those that are asked for.
	KeyInterval int
	// FullRange: the brightness goes from 0 to 255, as that of JPEG, and not from 16 to 235.
	FullRange bool
}

// The least and the highest bit rate of an encoder.
const (
	MinBitrate = 10_000
	MaxBitrate = 100_000_000
)

const (
	minEncodedSide, maxEncodedSide = 16, 4096
	minEncodedRate, maxEncodedRate = 1, 240
)

// check says what is wrong with the options.
func (o EncoderOptions) check() error {
	sideOK := func(n int) bool { return n >= minEncodedSide && n <= maxEncodedSide && n%2 == 0 }
	switch {
	case !sideOK(o.Width) || !sideOK(o.Height):
		return fmt.Errorf("OpenH264: a picture of %dx%d: both must be even, %d to %d", o.Width, o.Height, minEncodedSide, maxEncodedSide)
	case !(o.FramesPerSecond >= minEncodedRate && o.FramesPerSecond <= maxEncodedRate):
		return fmt.Errorf("OpenH264: %v frames/s: must be %d to %d", o.FramesPerSecond, minEncodedRate, maxEncodedRate)
	case o.Bitrate < MinBitrate || o.Bitrate > MaxBitrate:
		return fmt.Errorf("OpenH264: %d bits/s: must be %d to %d", o.Bitrate, MinBitrate, MaxBitrate)
	case o.KeyInterval < 0 || o.KeyInterval > 1<<30:
		return fmt.Errorf("OpenH264: a key frame every %d frames: must be 0 or more", o.KeyInterval)
	}
	return nil
}

// Encoder encodes the pictures of one stream: constrained baseline, one slice a picture, and the colours
// of BT.601 as JPEG has them. It belongs to one goroutine at a time.
type Encoder struct {
	library    *library
	self       *encoderTable // ISVCEncoder *: a pointer to a pointer to the functions
	options    EncoderOptions
	parameters encoderParameters
	picture    sourcePicture
	info       frameInfo
	bitrate    bitrateInfo
	level      int32
	args       [3]uintptr
}

// NewEncoder makes an encoder. The error matches ErrMissing if the library is not installed; else it says
// why the library cannot be used, or what is wrong with the options. Close frees the encoder.
func NewEncoder(o EncoderOptions) (*Encoder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	l, err := installed()
	if err != nil {
		return nil, err
	}
	e := &Encoder{library: l, options: o}
	if r, _, _ := purego.SyscallN(l.createEncoder, uintptr(unsafe.Pointer(&e.self))); int32(r) != 0 || e.self == nil {
		return nil, fmt.Errorf("OpenH264: no encoder can be made (error %d)", int32(r))
	}
	if err := e.initialize(); err != nil {
		purego.SyscallN(l.destroyEncoder, uintptr(unsafe.Pointer(e.self)))
		return nil, err
	}
	return e, nil
}

func (e *Encoder) initialize() error {
	e.level = traceQuiet
	e.call(encoderSetOption, encoderOptionTraceLevel, uintptr(unsafe.Pointer(&e.level)))
	if r := e.call(encoderDefaults, uintptr(unsafe.Pointer(&e.parameters)), 0); r != 0 {
		return fmt.Errorf("OpenH264: the encoder has no default settings (error %d)", r)
	}
	e.set()
	if r := e.call(encoderInitialize, uintptr(unsafe.Pointer(&e.parameters)), 0); r != 0 {
		return fmt.Errorf("OpenH264: pictures of %dx%d at %.4g frames/s cannot be encoded (error %d)",
			e.options.Width, e.options.Height, e.options.FramesPerSecond, r)
	}
	return nil
}

// set fills in the parameters. The highest bit rate stays unset: else the rate could not be raised later.
func (e *Encoder) set() {
	o, p := e.options, &e.parameters
	p.usage, p.rateControl, p.complexity = usageCamera, rateControlBitrate, complexityLow
	p.width, p.height, p.rate = int32(o.Width), int32(o.Height), float32(o.FramesPerSecond)
	p.bitrate, p.maxBitrate, p.skipsFrames = int32(o.Bitrate), 0, false
	p.temporal, p.spatial, p.threads = 1, 1, 1
	p.keyInterval, p.parameterSets = uint32(o.KeyInterval), parameterSetsKept
	p.entropy, p.denoises, p.detectsSceneChanges = 0, false, false
	l := &p.layers[0]
	l.width, l.height, l.rate, l.bitrate, l.maxBitrate = p.width, p.height, p.rate, p.bitrate, 0
	l.profile, l.sliceMode = profileBaseline, sliceModeOne
	l.hasSignal, l.videoFormat, l.fullRange = true, videoFormatUnknown, o.FullRange
	l.hasColours, l.primaries, l.transfer, l.matrix = true, primariesBT709, transferBT709, matrixBT601
}

// call calls a function of the encoder, whose result is an int. purego would allocate the arguments.
//
//go:uintptrescapes
func (e *Encoder) call(function int, a1, a2 uintptr) int32 {
	e.args = [...]uintptr{uintptr(unsafe.Pointer(e.self)), a1, a2}
	r, _, _ := purego.SyscallN(e.self.functions[function], e.args[:]...)
	return int32(r)
}

// Encode encodes a 4:2:0 picture of the encoder's size into dst, from its beginning, and grows it if its
// capacity does not suffice: given the last result, nothing is allocated. The result is NAL units, each
// with a start code of four bytes: a slice, and before a key frame its parameter sets. It is a key frame
// if key is set, or if it is due. at is when the picture was taken; it must grow. The picture is only
// read, and no memory of the library is kept in the result.
func (e *Encoder) Encode(dst []byte, picture *image.YCbCr, at time.Duration, key bool) ([]byte, error) {
	if err := e.take(picture, at); err != nil {
		return dst[:0], err
	}
	defer e.release()
	if key { // the second argument, a layer, is not in the library's header
		if r := e.call(encoderForceKey, 1, ^uintptr(0)); r != 0 {
			return dst[:0], fmt.Errorf("OpenH264: no key frame can be made (error %d)", r)
		}
	}
	if r := e.call(encoderEncode, uintptr(unsafe.Pointer(&e.picture)), uintptr(unsafe.Pointer(&e.info))); r != 0 {
		return dst[:0], fmt.Errorf("OpenH264: the picture cannot be encoded (error %d)", r)
	}
	return e.result(dst[:0])
}

var errPicture = errors.New("OpenH264: the picture is not of 4:2:0 and the encoder's size, or its planes are too short")

// take has the next call encode a picture.
func (e *Encoder) take(p *image.YCbCr, at time.Duration) error {
	w, h := e.options.Width, e.options.Height
	if p.SubsampleRatio != image.YCbCrSubsampleRatio420 || p.Rect.Dx() != w || p.Rect.Dy() != h ||
		!fits(p.Y, p.YStride, w, h) || !fits(p.Cb, p.CStride, w/2, h/2) || !fits(p.Cr, p.CStride, w/2, h/2) {
		return errPicture
	}
	e.picture = sourcePicture{
		format:  encoderPictureFormat,
		strides: [4]int32{int32(p.YStride), int32(p.CStride), int32(p.CStride)},
		planes:  [4]*byte{&p.Y[0], &p.Cb[0], &p.Cr[0]},
		width:   int32(w), height: int32(h), milliseconds: at.Milliseconds(),
	}
	return nil
}

// fits reports whether a plane has so many columns and rows. The library reads what is not there, too.
func fits(plane []byte, stride, width, height int) bool {
	return stride >= width && stride <= 1<<24 && int64(height-1)*int64(stride)+int64(width) <= int64(len(plane))
}

// release forgets the picture, and what is the library's of the result.
func (e *Encoder) release() {
	e.picture.planes = [4]*byte{}
	clear(e.info.layer[:min(max(e.info.layers, 0), maxLayers)])
	e.info.layers = 0
}

// maxUnits is more NAL units than a layer can have, and maxEncoded more bytes.
const (
	maxUnits   = 1024
	maxEncoded = 64 << 20
)

var errEncoded = errors.New("OpenH264: the encoder's result is not of the expected kind")

// result appends what was encoded to dst.
func (e *Encoder) result(dst []byte) ([]byte, error) {
	if e.info.layers < 0 || e.info.layers > maxLayers {
		return dst, errEncoded
	}
	for i := range e.info.layer[:e.info.layers] {
		l := &e.info.layer[i]
		if l.units == 0 {
			continue
		}
		if l.units < 0 || l.units > maxUnits || l.lengths == nil || l.bytes == nil {
			return dst[:0], errEncoded
		}
		size := 0
		for _, n := range unsafe.Slice(l.lengths, l.units) {
			if n < 0 || n > maxEncoded {
				return dst[:0], errEncoded
			}
			size += int(n)
		}
		if size > maxEncoded {
			return dst[:0], errEncoded
		}
		dst = append(dst, unsafe.Slice(l.bytes, size)...)
	}
	return dst, nil
}

// SetBitrate changes the bit rate from the next picture on. What is less than MinBitrate or more than
// MaxBitrate is taken as that.
func (e *Encoder) SetBitrate(bitsPerSecond int) error {
	e.bitrate = bitrateInfo{layer: layersAll, bitrate: int32(min(max(bitsPerSecond, MinBitrate), MaxBitrate))}
	if r := e.call(encoderSetOption, encoderOptionBitrate, uintptr(unsafe.Pointer(&e.bitrate))); r != 0 {
		return fmt.Errorf("OpenH264: the bit rate cannot be %d (error %d)", e.bitrate.bitrate, r)
	}
	return nil
}

// Close frees the encoder. It must not be used afterwards.
func (e *Encoder) Close() {
	e.call(encoderUninitialize, 0, 0)
	purego.SyscallN(e.library.destroyEncoder, uintptr(unsafe.Pointer(e.self)))
	e.self = nil
}
