package cast

import (
	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/cast/internal/tcpfan"
)

// lane is the frames of a rendition as RTP packets, plain or sealed, with numbers of their own, and the
// outlets that send them.
type lane struct {
	packets    packets
	form       *ring.Form
	udp        *fanout.Fanout
	tcp        *tcpfan.Fan
	udpFigures sending.Figures
	tcpFigures tcpfan.Figures
}

// packets are the RTP packets of a lane.
type packets interface {
	// SSRC identifies them.
	SSRC() uint32
	// NextSequence is the sequence number of the next one.
	NextSequence() uint16
	// Octets are those of all payloads so far (RFC 3550, section 6.4.1).
	Octets() uint64
	// AppendRTCP appends a compound RTCP packet to dst as it goes to the readers, or nothing if it
	// cannot be sent. It is called once for each packet, however many readers there are.
	AppendRTCP(dst, packet []byte) []byte
}

// newLane adds a lane. maxGap is how many packets a reader may miss, 0 if that does not matter.
func (r *rendition) newLane(form *ring.Form, p packets, maxGap uint32) *lane {
	b := r.stream.broadcaster
	l := &lane{packets: p, form: form}
	requestKey := func() { r.keys.request() }
	l.udp = fanout.New(fanout.Config{
		Loop: b.loop, Budget: b.budgets.sweeps, Ring: r.ring, Form: form, Log: r.stream.log, Figures: &l.udpFigures,
		Thin: b.config.Adapt != AdaptOff, NextSequence: p.NextSequence, MaxGap: maxGap, RequestKey: requestKey, Owner: r.stream,
	})
	l.tcp = tcpfan.New(tcpfan.Config{Loop: b.loop, Ring: r.ring, Form: form, Figures: &l.tcpFigures, Backlog: b.backlog, MaxGap: maxGap, RequestKey: requestKey})
	r.lanes = append(r.lanes, l)
	r.outlets = append(r.outlets, l.udp, l.tcp)
	return l
}

// laneOf is the one that a UDP reader is sent.
func laneOf(reader *fanout.Reader) *lane {
	r := streamOf(reader).rendition
	if r.sealed != nil && reader.Fanout() == r.sealed.udp {
		return r.sealed
	}
	return r.plain
}

// eachUDP calls visit with each UDP reader, which may move it or have it leave.
func (r *rendition) eachUDP(visit func(*fanout.Reader)) {
	for _, l := range r.lanes {
		l.udp.Each(visit)
	}
}

// thinned is how many readers are thinned at present, and resting how many rest.
func (r *rendition) thinned() (n uint64) {
	r.eachFigures(func(f *sending.Figures) { n += f.Thinned })
	return n
}

func (r *rendition) resting() (n uint64) {
	r.eachFigures(func(f *sending.Figures) { n += f.Resting })
	return n
}

// eachFigures calls visit with the figures of each outlet of UDP readers.
func (r *rendition) eachFigures(visit func(*sending.Figures)) {
	for _, l := range r.lanes {
		visit(&l.udpFigures)
	}
	visit(&r.private.figures)
}
