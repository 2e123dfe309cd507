package cast

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop/udp"
)

// group is the readers of one level, or of those who rest, behind one socket: a dense list
// of them, in the order of the fan, and the sweep that serves them.
type group struct {
	stream  *Stream
	level   uint8
	fan     *udp.Fan
	control *udp.Socket // that RTCP is sent from
	readers []*UDPReader
	sweep   *sweep
	// leaving readers go when the frame in hand is out: to take one out of the
	// middle would move another one into its place, who might miss a burst by it.
	// moving readers go to another group, then or later.
	leaving, moving []*UDPReader
}

// UDPReader is someone who is sent RTP over UDP. It is small, as there may be ten
// thousand of them: how far it has come is the sweep's affair. Its methods belong to
// the loop's goroutine.
type UDPReader struct {
	group    *group
	observer Observer
	place    int32 // in the group
	// controlPort is where its RTCP comes from and goes to.
	controlPort uint16
	// gone: it has left, though its place may still be taken.
	gone bool
	// wish is the level that it is to have, unless it is resting; moving: it is in a list
	// for that.
	wish            uint8
	resting, moving bool
	// refused counts the frames of which the kernel has not taken all for it.
	refused uint32
	// failed is the sweep's count at the last frame that could not be sent to it, and
	// failingSince when a row of such frames began.
	failed       uint64
	failingSince time.Duration
	// framesBefore and lagsBefore are what the sweep's counts were when it began to serve
	// the reader, less what the reader has had from others. They may be negative.
	framesBefore, lagsBefore uint64
	thinning                 *thinning // nil until it reports loss
}

// Observer hears of a UDPReader.
type Observer interface {
	// Control is called with RTCP that came from the reader's address. The packet may
	// be read until Control returns.
	Control(packet []byte)
	// Lost is called when the kernel has refused for a while to send to the reader,
	// which is then still there: it is for the observer to have it leave.
	Lost(err error)
}

var (
	errEnded    = errors.New("the stream has ended")
	errReplaced = errors.New("another reader has come to its address")
)

// Place is where a UDPReader is.
type Place struct {
	// RTP and RTCP are its addresses; they have the same IP address.
	RTP, RTCP netip.AddrPort
	// Source is the address of this machine that it has asked, and is to be answered
	// from. The zero Addr leaves it to the routing table.
	Source netip.Addr
}

// Join has the stream sent to a reader, from the next frame on, until it leaves.
// Whoever calls it has made sure that the reader wants it: a stream sent to an address
// that has not asked for it is an attack. observer may be nil.
func (s *Stream) Join(at Place, observer Observer) (*UDPReader, error) {
	pair := s.cast.pairFor(at.RTP.Addr())
	if pair == nil {
		return nil, fmt.Errorf("reader %v: there is no RTP socket of that address family", at.RTP)
	}
	return s.joinBy(pair.sender(at.Source), pair.rtcp, at, observer)
}

// joinMuxed has a reader whose RTCP goes over the RTP socket (RFC 5761).
func (s *Stream) joinMuxed(pair *socketPair, at Place, observer Observer) (*UDPReader, error) {
	rtp := pair.sender(at.Source)
	return s.joinBy(rtp, rtp, at, observer)
}

func (s *Stream) joinBy(rtp, control *udp.Socket, at Place, observer Observer) (*UDPReader, error) {
	if at.RTP.Port() == 0 || at.RTCP.Port() == 0 || at.RTCP.Addr().Unmap() != at.RTP.Addr().Unmap() {
		return nil, fmt.Errorf("reader %v, RTCP %v: must be two ports of one address", at.RTP, at.RTCP)
	}
	if s.source.ended {
		return nil, errEnded
	}
	// Who was at that address before cannot be there any more: a player that has
	// vanished and started again.
	if before := s.cast.byControl.find(at.RTCP); before != nil {
		before.lose(errReplaced)
	}
	r := s.join(rtp, control, at, observer)
	s.cast.byControl.add(r.controlAddress(), r)
	s.reports.joined(newcomer{udp: r})
	return r, nil
}

func (s *Stream) join(rtp, control *udp.Socket, at Place, observer Observer) *UDPReader {
	r := &UDPReader{observer: observer, controlPort: at.RTCP.Port()}
	g := s.group(rtp, control, 0)
	r.enter(g, at.RTP, at.Source)
	r.framesBefore, r.lagsBefore = g.sweep.promised(), g.sweep.lags
	s.source.begin()
	return r
}

// enter adds the reader to a group.
func (r *UDPReader) enter(g *group, peer netip.AddrPort, source netip.Addr) {
	r.group, r.place = g, int32(g.fan.Add(peer, source))
	g.readers = append(g.readers, r)
}

// lose has the reader leave, by its observer if it has one.
func (r *UDPReader) lose(err error) {
	if r.observer != nil {
		r.observer.Lost(err)
	}
	r.Leave()
}

// Leave ends sending to the reader, at once or with the frame in hand. Leaving twice
// does nothing.
func (r *UDPReader) Leave() {
	if r.gone {
		return
	}
	r.gone = true
	s := r.group.stream
	s.cast.byControl.remove(r.controlAddress(), r)
	s.uncount(r)
	if g := r.group; g.sweep.hand != nil {
		g.leaving = append(g.leaving, r)
		return
	}
	r.remove()
}

// Frames is how many frames the reader was sent whole.
func (r *UDPReader) Frames() uint64 {
	// Negative while the frame is going out that was in hand when it came.
	return uint64(max(int64(r.group.sweep.frames-r.framesBefore-uint64(r.refused)), 0))
}

// Lags is how many frames the reader has missed because sending was too far behind.
func (r *UDPReader) Lags() uint64 { return r.group.sweep.lags - r.lagsBefore }

// controlAddress is where the reader's RTCP comes from and goes to.
func (r *UDPReader) controlAddress() netip.AddrPort {
	return netip.AddrPortFrom(r.group.fan.Peer(int(r.place)).Addr(), r.controlPort)
}

func (r *UDPReader) remove() {
	g, place := r.group, int(r.place)
	last := g.fan.Remove(place)
	g.readers[place] = g.readers[last]
	g.readers[place].place = r.place
	g.readers[last] = nil
	g.readers = g.readers[:last]
}

// group returns the readers of a level behind a pair of sockets, making an empty group for
// the first.
func (s *Stream) group(rtp, control *udp.Socket, level uint8) *group {
	for _, g := range s.groups {
		if g.fan.Socket() == rtp && g.control == control && g.level == level {
			return g
		}
	}
	g := &group{stream: s, level: level, fan: rtp.NewFan(), control: control}
	g.sweep = newSweep(g, s.cast.loop)
	s.groups = append(s.groups, g)
	s.ring.addSweep()
	return g
}

// endSweep removes those who left meanwhile, and moves who is to move.
func (g *group) endSweep() {
	for i, r := range g.leaving {
		r.remove()
		g.leaving[i] = nil
	}
	g.leaving = g.leaving[:0]
	g.moveReaders()
}

// size is the number of readers.
func (g *group) size() int { return len(g.readers) - len(g.leaving) }
