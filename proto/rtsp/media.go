package rtsp

import (
	"iter"
	"net/netip"
)

// Media is what the server asks about the streams and tells about their readers. It is called from within [Conn.Receive],
// [Conn.Resume] and [Conn.Close], on their thread.
//
// Describe, Setup and Play may answer [Later], when a camera is to be opened or somebody else decides who may watch. The
// request then waits on its connection c until [Conn.Resume], which asks again with the same arguments, or until the
// connection closes. A connection has one such request at a time, so what is asked elsewhere can be kept in [Conn.User]. A
// method that answers Later must change nothing that the client could notice.
//
// Any of the methods but Resolve and Paths may end sessions and close connections, the ones they are called for included. Setup may do
// that to its own session and connection only if it refuses.
type Media interface {
	// Resolve returns the canonical path ([Description.Path]) of the stream that a path means; false means 404. The path is
	// that of the URL, unescaped, without the slashes around it and without the track. It is empty for rtsp://host/, which is
	// a stream when there is only one. Resolve is called for SETUP, and must be quick. A Media that tells strangers nothing of
	// its streams returns any path as it is, and has Setup answer.
	Resolve(path string) (canonical string, ok bool)

	// Paths yields the canonical paths of the streams that anybody may know of. A client that asks for another one is told
	// them.
	Paths() iter.Seq[string]

	// Describe returns the stream that a path means, as for Resolve. StatusNotFound is for a path that means none. The
	// description counts with StatusOK only.
	Describe(c *Conn, path string) (Description, Answer)

	// Setup gives the session a transport of the stream with the given canonical path. A new session is known to the server
	// only once Setup has answered StatusOK. After any other answer End is not called and the session is of no use: when a
	// request that had to wait is resumed, Setup gets another one, with another id.
	//
	// Setup is called again for a session that is not playing and changes its transport: the transport that was given
	// before is void after StatusOK and stays in force otherwise.
	//
	// After StatusUnsupportedTransport the client's next offer is tried; when a request is resumed, all are offered again.
	// StatusNotEnoughBandwidth is for a limit of readers.
	Setup(c *Conn, s *Session, path string, t Transport) (TransportReply, Answer)

	// Play starts sending, or goes on sending if the session plays already, and says with which packet it begins. The
	// connection c is the one that PLAY came on, which need not be that of the session.
	Play(c *Conn, s *Session) (Start, Answer)

	// Pause stops sending. It is called only for a session that plays.
	Pause(s *Session)

	// End is the last call for a session that the client ends, whatever its state. It is not called by [Session.End].
	End(s *Session, reason EndReason)

	// Alive is called with each sign of life of a session, before what the sign asks for: a request that names it, RTCP that
	// came over TCP. It may be called for every packet, so it should be cheap.
	Alive(s *Session)

	// Interleaved hands over RTCP that came over TCP from the reader on the given channel. What comes on the channel for
	// RTP is dropped before. The payload is valid until Interleaved returns.
	Interleaved(s *Session, channel uint8, payload []byte)
}

// Protocol is the way media takes to a reader.
type Protocol uint8

// The protocols a client can ask for.
const (
	UDP       Protocol = iota + 1 // RTP/AVP;unicast: datagrams to the reader's own two ports
	TCP                           // RTP/AVP/TCP: interleaved with RTSP on its connection, RFC 2326 section 10.12
	Multicast                     // RTP/AVP;multicast: datagrams to a group the server chooses
)

// String names the protocol as it is spoken of.
func (p Protocol) String() string {
	switch p {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case Multicast:
		return "multicast"
	}
	return "none"
}

// Transport is what a client asks for in SETUP, made safe: ports and channels are in range, addresses are the TCP peer's.
type Transport struct {
	Protocol Protocol

	// Sealed asks for SRTP (RTP/SAVP), over UDP or TCP. KeyMgmt is what the client has said of the keys that it seals with, a
	// message of MIKEY that was not looked at; "" if it has said nothing. It is not kept behind Setup.
	Sealed  bool
	KeyMgmt string

	// RTP and RTCP are where a UDP reader listens: the peer's address with its client_port pair, ports 1 to 65535.
	// They are zero for the other protocols.
	RTP, RTCP netip.AddrPort

	// RTPChannel and RTCPChannel are a TCP reader's channels on its connection, free there, 0 to 255, one above the other.
	RTPChannel, RTCPChannel uint8
}

// TransportReply is what the server adds to a transport that it accepts (RFC 2326 section 12.39).
type TransportReply struct {
	// SSRC of the stream. It is sent, but for SRTP, where KeyMgmt has it: from one in Transport GStreamer (1.22) makes the
	// stream's decoder with a rollover counter of 0, and does not look for that of KeyMgmt any more.
	SSRC uint32

	// Source is where media comes from if that is not obvious; the zero Addr leaves it out. UDP and Multicast only.
	Source netip.Addr

	// ServerRTPPort and ServerRTCPPort are the ports UDP comes from and RTCP goes to; a zero RTP port leaves both out.
	ServerRTPPort, ServerRTCPPort uint16

	// Group is the multicast group with the port for RTP; RTCP is one above. TTL is 1 to 255. Multicast only.
	Group netip.AddrPort
	TTL   uint8

	// KeyMgmt is what the client must know of the keys, a message of MIKEY (RFC 4567); nil leaves the header out. It must be
	// given only on an encrypted connection.
	KeyMgmt []byte
}

// Start is the first packet a reader will get after PLAY, for RTP-Info (RFC 2326 section 12.33).
type Start struct {
	Sequence uint16 // sequence number of the first packet
	RTPTime  uint32 // its timestamp, in the clock of the stream
	Unknown  bool   // nothing is known yet (no frame so far): RTP-Info is left out
}

// EndReason says what the client did to end a session.
type EndReason uint8

// The ways a client ends a session.
const (
	EndTeardown   EndReason = iota + 1 // it sent TEARDOWN
	EndConnClosed                      // the connection of its interleaved session is gone
)

// String is the reason in words, for logs and figures.
func (r EndReason) String() string {
	switch r {
	case EndTeardown:
		return "teardown"
	case EndConnClosed:
		return "connection closed"
	}
	return "unknown"
}
