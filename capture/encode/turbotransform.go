package encode

import (
	"image"
	"runtime"
	"slices"
	"unsafe"
)

// turboTransform is a handle that rearranges and decodes, and what its calls need.
type turboTransform struct {
	lib                              *turboLibrary
	call                             turboCall
	handle                           uintptr
	out                              *byte
	outSize                          uintptr // an unsigned long
	width, height, sampling, colours int32
	planes                           planes
	pinner                           runtime.Pinner
	// what is a tjtransform: a region, an operation (none), options, a filter (none).
	what struct {
		region             [4]int32
		operation, options int32
		data, filter       uintptr
	}
	room    int      // the largest size of a picture of roomFor
	roomFor [3]int32 // width, height, sampling
	picture *image.YCbCr
	cut     image.YCbCr // what scaled returns of it
	grey    *image.Gray
	pixels  []byte // of a picture that is not of brightness and colour
}

func (lib *turboLibrary) newTransform() (*turboTransform, error) {
	handle, err := lib.open(lib.initTransform)
	if err != nil {
		return nil, err
	}
	t := &turboTransform{lib: lib, handle: handle}
	t.what.options = tjOptionCopyNone
	return t, nil
}

func (t *turboTransform) close() { t.lib.close(t.handle) }

// header finds out the size, sampling and colours of a picture.
func (t *turboTransform) header(picture []byte) bool {
	done := t.call.do(t.lib.decompressHeader, t.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(picture))), uintptr(len(picture)),
		uintptr(unsafe.Pointer(&t.width)), uintptr(unsafe.Pointer(&t.height)),
		uintptr(unsafe.Pointer(&t.sampling)), uintptr(unsafe.Pointer(&t.colours)),
		0, 0, 0)
	return done && t.width > 0 && t.height > 0
}

// release forgets the caller's buffers.
func (t *turboTransform) release() {
	t.pinner.Unpin()
	t.out, t.planes = nil, planes{}
}

// rearrange codes a 4:2:0 or 4:2:2 picture anew without decoding its pixels: baseline,
// with the standard Huffman tables, which is what the library writes when it is not
// asked for better ones.
func (t *turboTransform) rearrange(dst, picture []byte) ([]byte, bool) {
	if !t.header(picture) || t.colours != tjColoursYCbCr || t.sampling != tjSamp420 && t.sampling != tjSamp422 {
		return dst, false
	}
	if shape := [3]int32{t.width, t.height, t.sampling}; shape != t.roomFor {
		t.room, t.roomFor = t.lib.size(int(t.width), int(t.height), int(t.sampling)), shape
	}
	dst = slices.Grow(dst[:0], t.room)[:t.room]
	t.out, t.outSize = &dst[0], uintptr(t.room)
	t.pinner.Pin(t.out)
	defer t.release()
	done := t.call.do(t.lib.transform, t.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(picture))), uintptr(len(picture)), 1,
		uintptr(unsafe.Pointer(&t.out)), uintptr(unsafe.Pointer(&t.outSize)), uintptr(unsafe.Pointer(&t.what)),
		tjFlagNoRealloc|tjFlagLimitScans, 0, 0)
	if !done {
		return dst, false
	}
	return dst[:t.outSize], true
}
