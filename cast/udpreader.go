package cast

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop/udp"
)

// Address is where a UDP reader is.
type Address struct {
	// RTP and RTCP are two ports of one IP address, or the same one: RTCP then goes over the
	// RTP socket (RFC 5761).
	RTP, RTCP netip.AddrPort
	// Source is the address of this machine that the reader has asked, and is answered
	// from. The zero Addr leaves it to the routing table.
	Source netip.Addr
}

// Observer is told about a UDPReader.
type Observer interface {
	// RTCP is called with RTCP that came from the reader's address. The packet may be read
	// until RTCP returns.
	RTCP(packet []byte)
	// Lost is called when the kernel has refused for a while to send to the reader, or when the
	// reader's host has said that its port is closed and nothing has come from it for two seconds;
	// the observer has it leave. It is also called when another reader has come to its address; this one
	// leaves then in any case.
	Lost(err error)
}

// UDPReader is a reader that a program has added by itself, by Stream.Join. It is small, as
// there may be ten thousand. Its methods belong to the loop's goroutine.
type UDPReader struct{ reader fanout.Reader }

// Join has the stream sent to a reader, from the next key frame on, or from the newest one if none
// comes soon, until it leaves. Programs
// that know their readers use it: no gate is asked, no limit counts them, and they are not
// among the Sessions. The caller has made sure that the reader wants it: a stream sent to an
// address that has not asked for it is an attack. observer may be nil.
func (s *Stream) Join(at Address, observer Observer) (*UDPReader, error) {
	if err := s.over(); err != nil {
		return nil, err
	}
	rtp, rtcp, err := s.broadcaster.socketsFor(at)
	if err != nil {
		return nil, err
	}
	if before := s.broadcaster.rtcpIndex.find(at.RTCP); before != nil {
		s.broadcaster.evict(before)
	}
	if err := s.over(); err != nil { // the program was told, and has closed the stream
		return nil, err
	}
	r := new(UDPReader)
	s.broadcaster.rtcpIndex.add(at.RTCP, &r.reader)
	s.rendition.plain.udp.Join(&r.reader, rtp, rtcp, fanout.Address(at), observer)
	s.rendition.keys.begin(&r.reader, true)
	s.reports.joined(s.rendition.plain, &r.reader, nil)
	s.wanted()
	return r, nil
}

// Leave ends sending to the reader, at once or with the frame that is being sent. Leaving
// twice does nothing.
func (r *UDPReader) Leave() { r.stream().leave(&r.reader) }

// Frames is how many frames the reader was sent whole.
func (r *UDPReader) Frames() uint64 { return r.reader.Frames() }

// Lags is how many frames the reader has missed because sending was too far behind.
func (r *UDPReader) Lags() uint64 { return r.reader.Lags() }

func (r *UDPReader) stream() *Stream { return streamOf(&r.reader) }

// streamOf is the stream that a UDP reader is sent.
func streamOf(r *fanout.Reader) *Stream { return r.Fanout().Owner().(*Stream) }

// leave has a UDP reader leave.
func (s *Stream) leave(r *fanout.Reader) {
	if r.Gone() {
		return
	}
	s.broadcaster.rtcpIndex.remove(r.RTCPAddress(), r)
	s.broadcaster.rtpIndex.remove(r.RTPAddress(), r)
	r.Leave()
	s.unwanted()
}

var errNotOneAddress = errors.New("must be two ports of one address, or the same one")

// socketsFor returns the sockets to send RTP and RTCP from to an address.
func (b *Broadcaster) socketsFor(at Address) (rtp, rtcp *udp.Socket, err error) {
	if at.RTP.Port() == 0 || at.RTCP.Port() == 0 || at.RTCP.Addr().Unmap() != at.RTP.Addr().Unmap() {
		return nil, nil, fmt.Errorf("reader %v, RTCP %v: %w", at.RTP, at.RTCP, errNotOneAddress)
	}
	pair := b.pairFor(at.RTP.Addr())
	if pair == nil {
		return nil, nil, fmt.Errorf("reader %v: there is no RTP socket of that address family", at.RTP)
	}
	rtp = pair.sender(at.Source)
	if at.RTP == at.RTCP {
		return rtp, rtp, nil
	}
	return rtp, pair.rtcp, nil
}
