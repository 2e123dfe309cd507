package cast_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"

	"github.com/camcast/camcast/loop/sim"
)

// reporter is a viewer over UDP that looks at no more than the headers, and keeps account
// of what it receives, as RFC 3550 says (appendices A.1 and A.3).
type reporter struct {
	*viewer
	begun                          bool
	ssrc, base, highest            uint32 // extended sequence numbers
	received                       uint32
	expectedBefore, receivedBefore uint32
	// limit is what the count of lost packets does not exceed.
	limit int32
	// whole are the numbers of the frames that came whole. number is that of the one that
	// is coming, whose next packet is to have sequence number next; 0: none.
	whole  []uint32
	number uint32
	next   uint16
	// touched is how many frames something came of, the last one at a timestamp.
	touched   int
	timestamp uint32
	// halves is how many frames were begun and not ended.
	halves int
}

// reportOf has a viewer over UDP keep account from now on.
func reportOf(v *viewer) *reporter {
	r := &reporter{viewer: v, limit: 0x7fffff}
	v.rtp.OnReceive(func(d sim.Datagram) { r.packet(d.Payload) })
	return r
}

func (r *reporter) packet(p []byte) {
	sequence := binary.BigEndian.Uint16(p[2:])
	if !r.begun {
		r.begun, r.ssrc = true, binary.BigEndian.Uint32(p[8:])
		r.base, r.highest = uint32(sequence), uint32(sequence)
	}
	r.received++
	if ahead := sequence - uint16(r.highest); ahead < 1<<15 {
		r.highest += uint32(ahead)
	}
	if timestamp := binary.BigEndian.Uint32(p[4:]); r.touched == 0 || timestamp != r.timestamp {
		r.timestamp = timestamp
		r.touched++
	}
	switch {
	case bytes.Equal(p[13:16], []byte{0, 0, 0}): // the first fragment (RFC 2435, section 3.1)
		if r.number > 0 {
			r.halves++
		}
		number, err := strconv.ParseUint(string(p[12+8+4+128:][:10]), 10, 32)
		if err != nil {
			r.w.t.Fatal(err)
		}
		r.number = uint32(number)
	case r.number > 0 && sequence != r.next:
		r.halves++
		r.number = 0
	}
	r.next = sequence + 1
	if marker := p[1]&0x80 > 0; marker && r.number > 0 {
		r.whole = append(r.whole, r.number)
		r.number = 0
	}
}

// send sends a report.
func (r *reporter) send() {
	r.w.t.Helper()
	if !r.begun {
		return
	}
	expected := r.highest - r.base + 1
	interval, got := expected-r.expectedBefore, r.received-r.receivedBefore
	r.expectedBefore, r.receivedBefore = expected, r.received
	fraction := uint32(0)
	if interval > 0 && interval > got {
		fraction = (interval - got) << 8 / interval
	}
	r.tell(min(fraction, 255), uint32(min(int32(expected-r.received), r.limit)), r.highest)
}

// tell sends a report of these figures.
func (r *reporter) tell(fraction, lost, highest uint32) {
	r.w.t.Helper()
	p := []byte{0x81, 201, 0, 7, 0, 0, 0, 1}
	for _, v := range []uint32{r.ssrc, fraction<<24 | lost&0xffffff, highest, 0, 0, 0} {
		p = binary.BigEndian.AppendUint32(p, v)
	}
	if err := r.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), p); err != nil {
		r.w.t.Fatal(err)
	}
}

// reportFor lets time pass in which all report at intervals.
func (w *world) reportFor(d, interval time.Duration, reporters ...*reporter) {
	w.t.Helper()
	for end := w.k.Monotonic() + d; w.k.Monotonic() < end; {
		w.run(interval)
		for _, r := range reporters {
			r.send()
		}
	}
}

// lostSince returns which share of the frames since a moment that were sent to the viewer
// it has not got whole, in percent. A link that lets something of every frame through is
// presumed.
func (r *reporter) lostSince(mark reporterMark) (percent float64) {
	touched, whole := r.touched-mark.touched, len(r.whole)-mark.whole
	return 100 * float64(max(touched-1-whole, 0)) / float64(max(touched-1, 1)) // the last one may still be coming
}

// reporterMark is a moment of a reporter's.
type reporterMark struct{ touched, whole int }

func (r *reporter) mark() reporterMark { return reporterMark{r.touched, len(r.whole)} }

// inOrder fails if a frame came twice, out of order, or half.
func (r *reporter) inOrder() {
	r.w.t.Helper()
	for i := range r.whole {
		if i > 0 && r.whole[i] <= r.whole[i-1] {
			r.w.t.Errorf("%v: frame %d after %d", r.conn.Addr(), r.whole[i], r.whole[i-1])
		}
	}
	if r.halves > 0 {
		r.w.t.Errorf("%v has %d half frames", r.conn.Addr(), r.halves)
	}
}

// row fails unless the viewer has got every frame from the first one on.
func (r *reporter) row() {
	r.w.t.Helper()
	r.inOrder()
	first, last := r.whole[0], r.whole[len(r.whole)-1]
	if int(last-first)+1 != len(r.whole) || last+3 < r.w.camera.number {
		r.w.t.Errorf("%v has %d of the frames from %d to %d, the newest is %d", r.conn.Addr(), len(r.whole), first, last, r.w.camera.number)
	}
}
