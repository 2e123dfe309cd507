// Package webrtc serves the H.264 streams of a cast.Broadcaster to browsers by WebRTC. Offers come by WHEP, which package
// cast/http answers (http.Options.WHEP) and asks Server.Open for; STUN, DTLS and SRTP share the Broadcaster's RTP port
// with all else (RFC 7983).
//
// A viewer is served in four steps. Open makes a session, with a user name and a password for STUN. A STUN request that proves
// the password proves the address that it comes from. From an address that is proved a DTLS handshake is taken, which is done
// outside of the loop by a DTLS and gives the keys. Then the session plays, sealed with these, on the loop. What remains of
// DTLS is dropped when the first authentic SRTCP has come, which shows that the viewer has the keys, too.
//
// The server is an ICE lite agent: it answers, and sends no requests of its own. Nothing is sent to an address that has not
// proved the password. A viewer that plays is followed to another address when SRTCP comes from there that is
// authentic: STUN has to prove the address before, but that alone could be a request that somebody has recorded and
// sends again in the name of a third.
//
// Serve opens it. All of this runs on the Broadcaster's loop, but for the handshakes.
package webrtc
