package tlsbridge

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// wire is the peer's socket as crypto/tls sees it. A goroutine that reads or writes by crypto/tls
// has one of the turns, and has none while the socket waits.
//
// What crypto/tls writes is kept until flush, which is called without a turn. Were it written at
// once, a peer that does not read could make one goroutine wait with crypto/tls's lock, and
// another one for that lock, with a turn.
type wire struct {
	*net.TCPConn
	turns turns
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

// Read is crypto/tls's.
func (w *wire) Read(p []byte) (int, error) {
	if w.hasFirst && len(p) > 0 {
		w.hasFirst = false
		return copy(p, w.first[:]), nil
	}
	w.turns.leave(w.began)
	defer func() { w.began = w.turns.enter() }()
	if err := w.flush(); err != nil {
		return 0, err
	}
	return w.TCPConn.Read(p)
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
