// Package webrtc serves the H.264 streams of a cast.Broadcaster to browsers by WebRTC. Offers come by WHEP: package cast/http
// takes them (http.Options.WHEP) and calls Server.Open. STUN, DTLS and SRTP share the Broadcaster's RTP port with all else
// (RFC 7983).
//
// A viewer is served in four steps:
//
//  1. Open makes a session, with an ICE user name fragment and a password of its own.
//  2. A STUN request that is sealed with the password proves the address that it comes from.
//  3. A proved address may begin a DTLS handshake. A DTLS does it outside the loop, and returns the keys.
//  4. The session plays on the loop, sealed with these keys. The first authentic SRTCP packet shows that the viewer has them,
//     too: what is left of DTLS is dropped then.
//
// The server is an ICE lite agent (RFC 8445): it answers, and sends no requests of its own. It sends nothing to an address that
// is not proved. A viewer that plays is at the address that its newest authentic SRTCP packet came from, if STUN has
// proved that address. STUN alone does not move it: anybody can record a STUN request, and send it again in another host's
// name.
//
// Serve opens a Server. All of it runs on the Broadcaster's loop, but for the handshakes.
package webrtc
