package encode

import (
	"fmt"
	"image"
	"os"
	"slices"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// This file speaks to libjpeg-turbo's TurboJPEG API (turbojpeg.h, version 2). What is
// given to the library lies in structures on Go's heap, which does not move.

const (
	tjSamp422        = 1
	tjSamp420        = 2
	tjSampGrey       = 3
	tjColoursYCbCr   = 1
	tjColoursGrey    = 2
	tjFlagNoRealloc  = 1 << 10
	tjFlagLimitScans = 1 << 15 // progressive pictures of endless scans are refused
	tjOptionCopyNone = 64
	maxSide          = 65500 // libjpeg's JPEG_MAX_DIMENSION
)

// turboLibrary is the functions that are used of it, by address.
type turboLibrary struct {
	initCompress, initTransform, destroy, bufferSize uintptr
	compressFromPlanes, transform, decompressHeader  uintptr
	decompressToPlanes, lastError                    uintptr
}

// turbo is the library, or nil if it is not installed or not wanted.
var turbo = sync.OnceValue(openTurbo)

func openTurbo() *turboLibrary {
	if os.Getenv("CAMCAST_TURBOJPEG") == "0" {
		return nil
	}
	handle, err := purego.Dlopen("libturbojpeg.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil
	}
	lib := &turboLibrary{}
	for name, function := range map[string]*uintptr{
		"tjInitCompress": &lib.initCompress, "tjInitTransform": &lib.initTransform, "tjDestroy": &lib.destroy,
		"tjBufSize": &lib.bufferSize, "tjCompressFromYUVPlanes": &lib.compressFromPlanes, "tjTransform": &lib.transform,
		"tjDecompressHeader3": &lib.decompressHeader, "tjDecompressToYUVPlanes": &lib.decompressToPlanes,
		"tjGetErrorStr2": &lib.lastError,
	} {
		if *function, err = purego.Dlsym(handle, name); err != nil {
			return nil // an older library: as good as none
		}
	}
	return lib
}

// open makes a handle by one of the init functions.
func (lib *turboLibrary) open(init uintptr) (handle uintptr, err error) {
	if handle, _, _ = purego.SyscallN(init); handle == 0 {
		return 0, fmt.Errorf("libjpeg-turbo: %s", lib.errorText(0))
	}
	return handle, nil
}

func (lib *turboLibrary) close(handle uintptr) { purego.SyscallN(lib.destroy, handle) }

// size is how large a JPEG of a picture can be.
func (lib *turboLibrary) size(width, height, sampling int) int {
	n, _, _ := purego.SyscallN(lib.bufferSize, uintptr(width), uintptr(height), uintptr(sampling))
	return int(n)
}

// errorText is the last error of a handle, or of opening one.
func (lib *turboLibrary) errorText(handle uintptr) string {
	p, _, _ := purego.SyscallN(lib.lastError, handle)
	if p == 0 {
		return "unknown error"
	}
	// The text is the library's own and ends with a zero byte.
	text := (*[256]byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
	for i, b := range text {
		if b == 0 {
			return string(text[:i])
		}
	}
	return string(text[:])
}

// turboEncoder is a compressing handle and its arguments.
type turboEncoder struct {
	lib     *turboLibrary
	handle  uintptr
	quality int
	planes  [3]*byte
	strides [3]int32
	out     *byte
	outSize uintptr // an unsigned long
	// room is the largest size of the pictures so far.
	room, width, height, sampling int
	scratch                       *image.YCbCr // for pictures of odd sizes
	args                          [10]uintptr
}

func (lib *turboLibrary) newEncoder(quality int) (*turboEncoder, error) {
	handle, err := lib.open(lib.initCompress)
	if err != nil {
		return nil, err
	}
	return &turboEncoder{lib: lib, handle: handle, quality: quality}, nil
}

func (e *turboEncoder) close() { e.lib.close(e.handle) }

// encode encodes a picture whose planes have been checked.
func (e *turboEncoder) encode(dst []byte, picture *image.YCbCr) ([]byte, error) {
	size, sampling := picture.Rect.Size(), tjSamp420
	if picture.SubsampleRatio == image.YCbCrSubsampleRatio422 {
		sampling = tjSamp422
	}
	if size.X != e.width || size.Y != e.height || sampling != e.sampling {
		e.width, e.height, e.sampling = size.X, size.Y, sampling
		e.room = e.lib.size(size.X, size.Y, sampling)
	}
	dst = slices.Grow(dst[:0], e.room)[:e.room]
	picture = even(picture, &e.scratch)
	e.planes = [3]*byte{&picture.Y[0], &picture.Cb[0], &picture.Cr[0]}
	e.strides = [3]int32{int32(picture.YStride), int32(picture.CStride), int32(picture.CStride)}
	e.out, e.outSize = &dst[0], uintptr(len(dst))
	e.args = [...]uintptr{
		e.handle, uintptr(unsafe.Pointer(&e.planes)), uintptr(size.X), uintptr(unsafe.Pointer(&e.strides)), uintptr(size.Y),
		uintptr(sampling), uintptr(unsafe.Pointer(&e.out)), uintptr(unsafe.Pointer(&e.outSize)), uintptr(e.quality), tjFlagNoRealloc,
	}
	result, _, _ := purego.SyscallN(e.lib.compressFromPlanes, e.args[:]...)
	e.planes, e.out = [3]*byte{}, nil
	// The library's int is 32 bits of the register.
	if int32(result) != 0 {
		return dst[:0], fmt.Errorf("libjpeg-turbo: %s", e.lib.errorText(e.handle))
	}
	return dst[:e.outSize], nil
}
