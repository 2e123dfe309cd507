package openh264

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// name is the library of the ABI whose structures this package knows.
const name = "libopenh264.so.7"

// ErrMissing is matched by the error of New and NewEncoder when the library is not installed.
var ErrMissing = errors.New("OpenH264 is not installed; install it by: apt install libopenh264-7")

// library is the functions that are used of it, by address, and its version.
type library struct {
	create, destroy, createEncoder, destroyEncoder uintptr
	release                                        release
}

// Version is that of the library, such as "2.3.1". The error matches ErrMissing if it is not installed;
// else it says why the library cannot be used. Any goroutine may call it.
func Version() (string, error) {
	l, err := installed()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d.%d", l.release.major, l.release.minor, l.release.revision), nil
}

// installed loads the library when it is called first.
var installed = sync.OnceValues(func() (*library, error) { return load(name) })

// load loads a library and checks its version: the structures below are those of OpenH264 2.3 to
// 2.5, and others are longer.
func load(name string) (*library, error) {
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, ErrMissing
	}
	var l library
	var version uintptr
	for symbol, function := range map[string]*uintptr{
		"WelsCreateDecoder": &l.create, "WelsDestroyDecoder": &l.destroy, "WelsGetCodecVersionEx": &version,
		"WelsCreateSVCEncoder": &l.createEncoder, "WelsDestroySVCEncoder": &l.destroyEncoder,
	} {
		if *function, err = purego.Dlsym(handle, symbol); err != nil {
			return nil, fmt.Errorf("%s has no %s: another library of that name", name, symbol)
		}
	}
	purego.SyscallN(version, uintptr(unsafe.Pointer(&l.release)))
	return &l, l.release.check()
}

// release is OpenH264Version.
type release struct{ major, minor, revision, reserved uint32 }

// check refuses a release whose structures are not known.
func (r release) check() error {
	if r.major == 2 && r.minor >= 3 && r.minor <= 5 {
		return nil
	}
	return fmt.Errorf("OpenH264 %d.%d.%d cannot be used: its structures are not known, only those of 2.3 to 2.5 are", r.major, r.minor, r.revision)
}
