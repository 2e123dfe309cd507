package loop_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

func TestRegisterErrors(t *testing.T) {
	onBoth(t, func(w *world) {
		p := w.pipe()
		nothing := func(loop.Interest) {}
		w.register(p.read, loop.Readable, nothing)
		_, err := w.loop.Register(p.read, loop.Readable, nothing)
		w.wantErr(err, unix.EEXIST)
		_, err = w.loop.Register(-1, loop.Readable, nothing)
		w.wantErr(err, unix.EBADF)
		_, err = w.loop.Register(1<<19, loop.Readable, nothing)
		w.wantErr(err, unix.EBADF)
		w.quiet() // the failed ones have left no trace
		p.put("x")
		w.turn()
	})
}

// epoll refuses a regular file with EPERM, as if somebody had forbidden it.
func TestRegisterARegularFile(t *testing.T) {
	w := newWorld(t, nil)
	fd, err := unix.Open(filepath.Join(t.TempDir(), "file"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	w.check(err)
	defer unix.Close(fd)
	_, err = w.loop.Register(fd, loop.Readable, func(loop.Interest) { w.Error("called") })
	w.wantErr(err, unix.EPERM)
	for _, part := range []string{fmt.Sprint("fd ", fd), "regular file", "always ready", "cannot be watched"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
	w.quiet()
}

// A registration that fails leaves nothing: its slot is used again, and the failed ones do
// not add up.
func TestRegistrationThatFails(t *testing.T) {
	onBoth(t, func(w *world) {
		refused := &refusedWatches{Kernel: w.kernel, tokens: map[uint32]bool{}}
		w.loop = loop.NewOn(refused)
		p := w.pipe()
		p.put("x")
		for range 100 {
			_, err := w.loop.Register(p.read, loop.Readable, func(loop.Interest) { w.Error("called") })
			w.wantErr(err, unix.ENOSPC)
		}
		w.quiet()
		if slots := len(refused.tokens); slots != 1 {
			w.Errorf("100 failed registrations have taken %d slots", slots)
		}
		refused.allow = true
		r := w.register(p.read, loop.Readable, func(loop.Interest) { p.get() })
		w.turn()
		w.check(r.Unregister())
	})
}

// refusedWatches is a kernel with no room for further registrations, as beyond
// fs.epoll.max_user_watches. It keeps the slots that they were for.
type refusedWatches struct {
	loop.Kernel
	tokens map[uint32]bool
	allow  bool
}

func (k *refusedWatches) Watch(fd int, want loop.Interest, token uint64) error {
	k.tokens[uint32(token)] = true
	if !k.allow {
		return unix.ENOSPC
	}
	return k.Kernel.Watch(fd, want, token)
}
