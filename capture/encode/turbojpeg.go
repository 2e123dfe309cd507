package encode

import (
	"fmt"
	"image"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// This file, turbotransform.go and turbodecode.go call libjpeg-turbo's TurboJPEG API (turbojpeg.h, version 2).
//
// The library gets addresses of Go's memory. Each is converted from a pointer within the
// argument list of turboCall.do, which keeps that memory alive until it returns. Memory that
// is only pointed to by memory the library gets is pinned by a runtime.Pinner.

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
	decompressToPlanes, decompress                   uintptr
	lastError                                        func(handle uintptr) string
}

// installedTurbo returns the library, or nil if it is not installed. It is opened when that
// is asked first.
var installedTurbo = sync.OnceValue(openTurbo)

func openTurbo() *turboLibrary {
	handle, err := purego.Dlopen("libturbojpeg.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil
	}
	lib, lastError := &turboLibrary{}, uintptr(0)
	for name, function := range map[string]*uintptr{
		"tjInitCompress": &lib.initCompress, "tjInitTransform": &lib.initTransform, "tjDestroy": &lib.destroy,
		"tjBufSize": &lib.bufferSize, "tjCompressFromYUVPlanes": &lib.compressFromPlanes, "tjTransform": &lib.transform,
		"tjDecompressHeader3": &lib.decompressHeader, "tjDecompressToYUVPlanes": &lib.decompressToPlanes, "tjDecompress2": &lib.decompress,
		"tjGetErrorStr2": &lastError,
	} {
		if *function, err = purego.Dlsym(handle, name); err != nil {
			return nil // an older library: as good as none
		}
	}
	purego.RegisterFunc(&lib.lastError, lastError)
	return lib
}

// open makes a handle by one of the init functions.
func (lib *turboLibrary) open(init uintptr) (handle uintptr, err error) {
	if handle, _, _ = purego.SyscallN(init); handle == 0 {
		return 0, lib.err(0)
	}
	return handle, nil
}

func (lib *turboLibrary) close(handle uintptr) { purego.SyscallN(lib.destroy, handle) }

// size is how large a JPEG of a picture can be.
func (lib *turboLibrary) size(width, height, sampling int) int {
	n, _, _ := purego.SyscallN(lib.bufferSize, uintptr(width), uintptr(height), uintptr(sampling))
	return int(n)
}

// err returns the last error of a handle, or, for 0, of opening one.
func (lib *turboLibrary) err(handle uintptr) error {
	return fmt.Errorf("libjpeg-turbo: %s", lib.lastError(handle))
}

// turboCall calls functions of the library. It has room for their arguments, as purego would
// allocate that for each call.
type turboCall struct{ args [10]uintptr }

// do calls a function that returns an int, 0 for success: that is 32 bits of the register.
// It is not 0 for a damaged picture, too. The arguments after the function's last are 0.
//
//go:uintptrescapes
func (c *turboCall) do(function, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 uintptr) bool {
	c.args = [...]uintptr{a1, a2, a3, a4, a5, a6, a7, a8, a9, a10}
	result, _, _ := purego.SyscallN(function, c.args[:]...)
	return int32(result) == 0
}

// planes are the addresses of a picture's planes as the library takes them.
type planes struct {
	data    [3]*byte
	strides [3]int32
}

// pin sets the planes to those of a picture. The pinner keeps them in memory, at the same
// address, until its Unpin.
func (p *planes) pin(pinner *runtime.Pinner, picture *image.YCbCr) {
	p.data = [3]*byte{&picture.Y[0], &picture.Cb[0], &picture.Cr[0]}
	p.strides = [3]int32{int32(picture.YStride), int32(picture.CStride), int32(picture.CStride)}
	for _, plane := range p.data {
		pinner.Pin(plane)
	}
}

// turboEncoder is a compressing handle and what its calls need.
type turboEncoder struct {
	lib     *turboLibrary
	call    turboCall
	handle  uintptr
	quality int
	planes  planes
	out     *byte
	outSize uintptr // an unsigned long
	pinner  runtime.Pinner
	// room is the largest size of the pictures so far.
	room, width, height, sampling int
	scratch                       *image.YCbCr // for pictures of odd sizes
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
	e.planes.pin(&e.pinner, even(picture, &e.scratch))
	e.out, e.outSize = &dst[0], uintptr(len(dst))
	e.pinner.Pin(e.out)
	defer e.release()
	if !e.call.do(e.lib.compressFromPlanes, e.handle,
		uintptr(unsafe.Pointer(&e.planes.data)), uintptr(size.X), uintptr(unsafe.Pointer(&e.planes.strides)), uintptr(size.Y),
		uintptr(sampling), uintptr(unsafe.Pointer(&e.out)), uintptr(unsafe.Pointer(&e.outSize)), uintptr(e.quality), tjFlagNoRealloc) {
		return dst[:0], e.lib.err(e.handle)
	}
	return dst[:e.outSize], nil
}

// release forgets the caller's buffers.
func (e *turboEncoder) release() {
	e.pinner.Unpin()
	e.planes, e.out = planes{}, nil
}
