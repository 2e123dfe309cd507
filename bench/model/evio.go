package model

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/evio"
)

// evioModel is the event loop of evio v1.0.8, over TCP. Over UDP evio can only answer the
// datagram that it has just read, so there is no broadcast.
//
// Over TCP a connection is woken for each frame, and what its Data event returns is sent;
// evio copies it. But it keeps only what the last event returned: waking a connection
// that has not taken its last frame whole would tear that frame apart, and nothing tells
// how much is left. So each reader answers a frame with a byte, and gets the next one of the
// ring then, or when there is one: a round trip for every frame, and a reader is behind like
// any other's until the threshold. Frames are handed over by a lock and a wake-up, because
// evio takes no foreign descriptor, such as a camera's.
type evioModel struct {
	serving chan error
	mu      sync.Mutex
	readers map[evio.Conn]*evioReader
	ring    *payloadRing[[]byte] // frames as they are sent: the length and the picture
	lags    atomic.Uint64        // of readers that have gone
	stop    atomic.Bool
}

// evioReader belongs to the loop: its place, and whether it has answered.
type evioReader struct {
	cursor[[]byte]
	wants bool
}

func init() {
	Register(Entry{Name: "evio", Transport: TCP, New: func() Model { return &evioModel{} }})
}

func (m *evioModel) Start(b *Broadcast) error {
	m.ring = newPayloadRing[[]byte]()
	m.readers, m.serving = map[evio.Conn]*evioReader{}, make(chan error, 1)
	ready := make(chan struct{})
	events := evio.Events{
		Serving: func(evio.Server) evio.Action { close(ready); return evio.None },
		Opened:  m.opened,
		Closed:  m.closed,
		Data:    m.data,
		// The only way to end it is from within.
		Tick: func() (time.Duration, evio.Action) {
			if m.stop.Load() {
				return 0, evio.Shutdown
			}
			return time.Second / 4, evio.None
		},
	}
	go func() { m.serving <- evio.Serve(events, fmt.Sprintf("tcp://%v:%d", b.Host, TCPPort)) }()
	select {
	case <-ready:
		return nil
	case err := <-m.serving:
		return err
	}
}

func (m *evioModel) opened(c evio.Conn) ([]byte, evio.Options, evio.Action) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers[c] = &evioReader{cursor[[]byte]{ring: m.ring, at: m.ring.written.Load()}, true}
	return nil, evio.Options{ReuseInputBuffer: true}, evio.None
}

func (m *evioModel) closed(c evio.Conn, _ error) evio.Action {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lags.Add(m.readers[c].lags.Load())
	delete(m.readers, c)
	return evio.None
}

// data is called when a reader has answered, and when it was woken for a new frame.
func (m *evioModel) data(c evio.Conn, in []byte) ([]byte, evio.Action) {
	m.mu.Lock()
	r := m.readers[c]
	m.mu.Unlock()
	r.wants = r.wants || len(in) > 0
	if !r.wants {
		return nil, evio.None
	}
	frame, ok := r.next()
	r.wants = !ok
	return frame, evio.None
}

func (m *evioModel) Send(f *Frame) error {
	m.ring.write(f.framed)
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.readers {
		c.Wake()
	}
	return nil
}

func (m *evioModel) Figures() Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := m.lags.Load()
	for _, r := range m.readers {
		sum += r.lags.Load()
	}
	return Figures{Lags: sum}
}

func (m *evioModel) Close() error {
	m.stop.Store(true)
	return <-m.serving
}
