package rtsp

import "net/netip"

// Media is what the server asks about the streams and tells about their readers. It is called from within [Conn.Receive]
// and [Conn.Close], on their thread.
//
// Any of its methods except Setup may end sessions and close connections, the ones they are called for included.
type Media interface {
	// Describe returns the stream of the given path: that of the URL, unescaped, without the slashes around it and without
	// the track. The path is empty for rtsp://host/, which is a stream when there is only one. False means 404.
	// It is called for SETUP too, which does not need the SDP, so it should be cheap.
	Describe(path string) (Description, bool)

	// Setup gives the session a transport of the stream with the path of [Description.Path]. A new session is known to the
	// server only once Setup has returned [StatusOK]; any other status is the answer, and End is not called.
	// Setup is called again for a session that is not playing and changes its transport: the transport that was given
	// before is void after StatusOK and stays in force otherwise.
	// After StatusUnsupportedTransport the client's next offer is tried. StatusNotEnoughBandwidth is for a full house.
	Setup(s *Session, path string, t Transport) (TransportReply, Status)

	// Play starts sending, or goes on sending if the session plays already, and says with which packet it begins.
	Play(s *Session) (Start, Status)

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

	// RTP and RTCP are where a UDP reader listens: the peer's address with its client_port pair, ports 1 to 65535.
	// They are zero for the other protocols.
	RTP, RTCP netip.AddrPort

	// RTPChannel and RTCPChannel are a TCP reader's channels on its connection, free there, 0 to 255, one above the other.
	RTPChannel, RTCPChannel uint8
}

// TransportReply is what the server adds to a transport that it accepts (RFC 2326 section 12.39).
type TransportReply struct {
	// SSRC of the stream. It is always sent.
	SSRC uint32

	// Source is where media comes from if that is not obvious; the zero Addr leaves it out. UDP and Multicast only.
	Source netip.Addr

	// ServerRTPPort and ServerRTCPPort are the ports UDP comes from and RTCP goes to; a zero RTP port leaves both out.
	ServerRTPPort, ServerRTCPPort uint16

	// Group is the multicast group with the port for RTP; RTCP is one above. TTL is 1 to 255. Multicast only.
	Group netip.AddrPort
	TTL   uint8
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
