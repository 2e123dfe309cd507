package tlsbridge

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wire is the peer's socket as crypto/tls sees it. A goroutine that reads or writes by crypto/tls
// has one of the turns, and has none while the socket waits.
//
// What crypto/tls writes is kept until flush, which is called without a turn. Were it written at
// once, a peer that does not read could make one goroutine wait with crypto/tls's lock, and
// another one for that lock, with a turn.
type wire struct {
	*net.TCPConn
	raw   syscall.RawConn
	turns *turns
	// host is whose turns they are.
	host netip.Prefix
	// began is when the turn began of the goroutine that reads.
	began time.Time
	// first is the byte that was read before crypto/tls; hasFirst: it was not asked for it yet.
	first    [1]byte
	hasFirst bool

	mutex sync.Mutex
	kept  *[]byte // nil: nothing is kept
	err   error   // of the last flush
	// flushing is locked by the goroutine that writes to the socket.
	flushing sync.Mutex
	// held is how many bytes the socket has not taken yet.
	held atomic.Int64
}

// newWire makes the wire of a socket whose handshake is to come.
func newWire(socket *net.TCPConn, host netip.Prefix) (*wire, error) {
	raw, err := socket.SyscallConn()
	return &wire{TCPConn: socket, raw: raw, turns: handshaking, host: host}, err
}

// Read is crypto/tls's. What has come already is read within the same turn.
func (w *wire) Read(p []byte) (int, error) {
	if w.hasFirst && len(p) > 0 {
		w.hasFirst = false
		return copy(p, w.first[:]), nil
	}
	if w.held.Load() == 0 {
		if n := w.readNow(p); n > 0 {
			return n, nil
		}
	}
	w.leave()
	defer w.enter()
	if err := w.flush(); err != nil {
		return 0, err
	}
	return w.TCPConn.Read(p)
}

// enter has the goroutine that reads take a turn, and leave give it back.
func (w *wire) enter() { w.began = w.turns.enter(w.host) }
func (w *wire) leave() { w.turns.leave(w.began) }

// readNow reads what has come; 0: nothing has, or reading fails.
func (w *wire) readNow(p []byte) (n int) {
	_ = w.raw.Read(func(fd uintptr) bool {
		n, _ = unix.Read(int(fd), p)
		return true
	})
	return n
}

// hungUp reports whether the peer has closed the connection, though what it has said before is not read yet.
func (w *wire) hungUp() (gone bool) {
	_ = w.raw.Control(func(fd uintptr) {
		on := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		_, _ = unix.Poll(on, 0)
		gone = on[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone
}

// Write is crypto/tls's. It does not wait.
func (w *wire) Write(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	if w.kept == nil {
		w.kept = buffers.Get().(*[]byte)
	}
	*w.kept = append(*w.kept, p...)
	w.held.Add(int64(len(p)))
	return len(p), nil
}

// SetWriteDeadline is crypto/tls's, which has Writes fail by it after its goodbye. Flush has the
// deadlines of the socket itself.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// flush writes what is kept, and waits for the socket. The caller has no turn.
func (w *wire) flush() error {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	for {
		kept, err := w.take(nil)
		if kept == nil || err != nil {
			return err
		}
		_, err = w.TCPConn.Write(*kept)
		w.held.Add(-int64(len(*kept)))
		release(kept)
		if err != nil {
			_, err = w.take(err)
			return err
		}
	}
}

// take takes what is kept. An error that is not nil is the one of all later writes.
func (w *wire) take(err error) (*[]byte, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err == nil {
		w.err = err
	}
	kept := w.kept
	w.kept = nil
	return kept, w.err
}
