package rtsp

import (
	"fmt"
	"runtime"
	"testing"
)

// An idle reader must stay cheap: the house is built for ten thousand.
func TestMemoryOfAnIdleReader(t *testing.T) {
	const readers = 5000
	_, s := newStage(Config{})
	conns := make([]*Conn, readers)
	before := heapBytes()
	for i := range conns {
		c := s.Accept(alice, server)
		conns[i] = c
		askRawQuiet(c, crlf("DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 1"))
		askRawQuiet(c, crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", tcpOffer))
		askRawQuiet(c, "PLAY "+camURL+" RTSP/1.0\r\nCSeq: 3\r\n")
		askRawQuiet(c, fmt.Sprintf("Session: session%d\r\n\r\n", i+1))
	}
	s.media.(*stage).log, s.media.(*stage).alive = nil, nil
	each := (heapBytes() - before) / readers
	t.Logf("%d bytes a reader", each)
	if each > 1024 {
		t.Fatalf("a connection with a playing session holds %d bytes, want less than 1024", each)
	}
	playing := 0
	for session := range s.Sessions() {
		if session.State() == Playing {
			playing++
		}
	}
	if playing != readers {
		t.Fatalf("%d play, want %d", playing, readers)
	}
	runtime.KeepAlive(conns)
}

func askRawQuiet(c *Conn, request string) {
	if _, err := c.Receive(0, []byte(request), nil); err != nil {
		panic(err)
	}
}

func heapBytes() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// What happens per packet, and per report, must not allocate.
func TestHotPathsDoNotAllocate(t *testing.T) {
	_, s := newStage(Config{})
	s.media = silent{s.media}
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)
	whole, head, payload := []byte("$\x01\x00\x04RTCP"), []byte("$\x01\x00\x04"), []byte("RTCP")
	cases := map[string]func(){
		"frame":                 func() { c.Receive(0, whole, nil) },
		"frame in two segments": func() { c.Receive(0, head, nil); c.Receive(0, payload, nil) },
	}
	for name, f := range cases {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// silent is a Media that does not write down what comes often.
type silent struct{ Media }

func (silent) Interleaved(*Session, uint8, []byte) {}
func (silent) Alive(*Session)                      {}
