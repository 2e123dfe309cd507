package udp

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSort(t *testing.T) {
	for _, c := range []struct {
		err              error
		whole, segmented verdict
	}{
		{unix.EAGAIN, full, full},
		{unix.ENOBUFS, full, full},
		{unix.ENOMEM, full, full},
		{unix.EINTR, again, again},
		{unix.EIO, peerFailed, unsegmented},
		{unix.EINVAL, peerFailed, unsegmented},
		{unix.EMSGSIZE, peerFailed, unsegmented},
		{unix.EOPNOTSUPP, peerFailed, unsegmented},
		{unix.EHOSTUNREACH, peerFailed, peerFailed},
		{unix.EPERM, peerFailed, peerFailed},
		{unix.EBADF, broken, broken},
		{unix.ENOTSOCK, broken, broken},
		{unix.EFAULT, broken, broken},
		{errors.New("of no kernel"), broken, broken},
		{fmt.Errorf("wrapped: %w", unix.EAGAIN), broken, broken}, // Kernel forbids it
	} {
		if whole, segmented := sort(c.err, false), sort(c.err, true); whole != c.whole || segmented != c.segmented {
			t.Errorf("%v: %v, segmented %v; want %v and %v", c.err, whole, segmented, c.whole, c.segmented)
		}
		if n := testing.AllocsPerRun(100, func() { sort(c.err, true) }); n != 0 {
			t.Errorf("%v: %v allocations, want none", c.err, n)
		}
	}
}
