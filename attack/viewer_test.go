package attack

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
)

// viewer counts what a reader of the stream receives. Its socket's goroutine calls packet and
// reports; any may call the others.
type viewer struct {
	mutex sync.Mutex
	tally tally
	// first is closed with the first packet of the stream.
	first   chan struct{}
	begun   bool
	session string // over RTSP
	port    uint16 // of its RTP, over UDP
	close   func()
	// socket is what the stream comes on.
	socket buffered
	// reads is locked while it may not read: it stalls.
	reads sync.Mutex
	// coded: the stream is H.264; keeper, if it is not nil, learns when its frames were taken.
	coded  bool
	keeper *timekeeper

	next  uint16
	whole bool // no packet of the frame that is coming is missing so far
	ended bool // the last packet was the last of a frame
	// sent is the time of day of the sender's report, and at its timestamp.
	sent     time.Time
	at       uint32
	ssrc     uint32
	highest  uint16
	reported time.Time
	left     bool // goodbye was said to it, or over HTTP its connection has ended
	missed   int  // how often the sequence numbers, or those of frames, had a gap
	number   int  // of the last frame, over HTTP
}

// buffered is a socket whose buffer can be made small.
type buffered interface{ SetReadBuffer(bytes int) error }

// tally is what was received since it was last asked for.
type tally struct {
	frames int
	ages   []time.Duration // from their capture to the arrival of their last packet
	// endings are how frames end of which it is not known when they were taken.
	endings []ending
}

func newViewer() *viewer { return &viewer{first: make(chan struct{})} }

// mayRead waits while it stalls.
func (v *viewer) mayRead() {
	v.reads.Lock()
	//lint:ignore SA2001 there is nothing to do but to wait
	v.reads.Unlock()
}

// take takes the tally.
func (v *viewer) take() (t tally) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	t, v.tally = v.tally, tally{}
	return t
}

// wasLeft reports whether goodbye was said to it.
func (v *viewer) wasLeft() bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.left
}

// gaps is how often something was missing.
func (v *viewer) gaps() int {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.missed
}

// packet takes an RTP packet with JPEG (RFC 2435) or H.264.
func (v *viewer) packet(p []byte) {
	if len(p) < rtp.HeaderBytes || !v.coded && len(p) < 20 {
		return
	}
	now := time.Now()
	sequence, timestamp := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:])
	v.mutex.Lock()
	defer v.mutex.Unlock()
	begins := !v.begun || v.ended && sequence == v.next
	if !v.coded {
		begins = p[13]|p[14]|p[15] == 0 // its offset in the frame
	}
	if !v.begun {
		v.begun = true
		close(v.first)
	} else if sequence != v.next {
		v.missed++
	}
	v.whole = begins || v.whole && sequence == v.next
	v.next, v.highest, v.ssrc = sequence+1, sequence, binary.BigEndian.Uint32(p[8:])
	if v.keeper != nil {
		v.keeper.packet(p, v.taken)
	}
	if v.ended = p[1]&0x80 != 0; !v.ended || !v.whole {
		return
	}
	v.whole = false
	v.tally.frames++
	if taken, ok := v.taken(timestamp); ok {
		v.tally.ages = append(v.tally.ages, now.Sub(taken))
	}
}

// taken is when the frame of a timestamp was taken, if that is known.
func (v *viewer) taken(timestamp uint32) (at time.Time, ok bool) {
	return v.sent.Add(time.Duration(int32(timestamp-v.at)) * time.Second / rtp.ClockHz), !v.sent.IsZero()
}

// reports takes RTCP.
func (v *viewer) reports(p []byte) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	_ = rtcp.Parse(p, rtcp.Visitor{
		Sender: func(sr rtcp.SenderReport, _ uint64) { v.sent, v.at = sr.Wall, sr.RTPTime },
		Bye:    func(uint32) { v.left = true },
	})
}

// isRTCP tells RTCP from RTP where they share a port (RFC 5761).
func isRTCP(p []byte) bool { return len(p) > 1 && p[1] >= 192 && p[1] <= 223 }

// reportInterval is how often a viewer reports that nothing is lost: that it is there.
const reportInterval = 5 * time.Second

// report appends a report when one is due.
func (v *viewer) report(dst []byte) []byte {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if now := time.Now(); v.begun && now.Sub(v.reported) >= reportInterval {
		v.reported = now
		dst = rtcp.AppendReceiverReport(dst, rtcp.ReceptionReport{Reporter: 1, SSRC: v.ssrc, HighestSequence: uint32(v.highest)}, "viewer")
	}
	return dst
}
