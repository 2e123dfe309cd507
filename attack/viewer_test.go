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

	next  uint16
	whole bool // no packet of the frame that is coming is missing so far
	// sent is the time of day of the sender's report, and at its timestamp.
	sent     time.Time
	at       uint32
	ssrc     uint32
	highest  uint16
	reported time.Time
	left     bool // goodbye was said to it
	missed   int  // how often the sequence numbers had a gap
}

// tally is what was received since it was last asked for.
type tally struct {
	frames int
	ages   []time.Duration // from their capture to the arrival of their last packet
}

func newViewer() *viewer { return &viewer{first: make(chan struct{})} }

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

// packet takes an RTP packet with JPEG (RFC 2435).
func (v *viewer) packet(p []byte) {
	if len(p) < 20 {
		return
	}
	now := time.Now()
	sequence, timestamp := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:])
	offset := uint32(p[13])<<16 | uint32(p[14])<<8 | uint32(p[15])
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if !v.begun {
		v.begun = true
		close(v.first)
	} else if sequence != v.next {
		v.missed++
	}
	v.whole = offset == 0 || v.whole && sequence == v.next
	v.next, v.highest, v.ssrc = sequence+1, sequence, binary.BigEndian.Uint32(p[8:])
	if marker := p[1]&0x80 != 0; !marker || !v.whole {
		return
	}
	v.whole = false
	v.tally.frames++
	if !v.sent.IsZero() {
		captured := v.sent.Add(time.Duration(int32(timestamp-v.at)) * time.Second / rtp.ClockHz)
		v.tally.ages = append(v.tally.ages, now.Sub(captured))
	}
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
