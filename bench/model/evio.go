package model

import (
	"encoding/binary"
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
// how much is left. So each reader answers a frame with a byte, and gets the newest frame
// then, or the next one when there is one: a round trip for every frame. Frames are handed
// over by a lock and a wake-up, because evio takes no foreign descriptor, such as a
// camera's.
type evioModel struct {
	serving chan error
	mu      sync.Mutex
	readers map[evio.Conn]*evioReader
	newest  atomic.Pointer[evioFrame]
	lags    atomic.Uint64
	stop    atomic.Bool
}

// evioFrame is a frame as it is sent: its length and the picture.
type evioFrame struct {
	number uint64
	bytes  []byte
}

// evioReader belongs to the loop: whether it wants a frame, and which it has had.
type evioReader struct {
	wants bool
	had   uint64
}

func init() {
	Register(Entry{Name: "evio", Transport: TCP, New: func() Model { return &evioModel{} }})
}

func (m *evioModel) Start(b *Broadcast) error {
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
	m.readers[c] = &evioReader{wants: true}
	return nil, evio.Options{ReuseInputBuffer: true}, evio.None
}

func (m *evioModel) closed(c evio.Conn, _ error) evio.Action {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.readers, c)
	return evio.None
}

// data is called when a reader has answered, and when it was woken for a new frame.
func (m *evioModel) data(c evio.Conn, in []byte) ([]byte, evio.Action) {
	m.mu.Lock()
	r := m.readers[c]
	m.mu.Unlock()
	r.wants = r.wants || len(in) > 0
	f := m.newest.Load()
	if f == nil || !r.wants || r.had == f.number {
		return nil, evio.None
	}
	if r.had > 0 {
		m.lags.Add(f.number - 1 - r.had)
	}
	r.wants, r.had = false, f.number
	return f.bytes, evio.None
}

func (m *evioModel) Send(f *Frame) error {
	bytes := binary.BigEndian.AppendUint32(nil, uint32(len(f.Picture)))
	m.newest.Store(&evioFrame{f.Number, append(bytes, f.Picture...)})
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.readers {
		c.Wake()
	}
	return nil
}

func (m *evioModel) Figures() Figures { return Figures{Lags: m.lags.Load()} }

func (m *evioModel) Close() error {
	m.stop.Store(true)
	return <-m.serving
}
