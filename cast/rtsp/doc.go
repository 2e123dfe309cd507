// Package rtsp serves the streams of a cast.Broadcaster by RTSP 1.0 (RFC 2326).
//
// Listen opens it. The Broadcaster's gate decides each DESCRIBE and SETUP, and may answer
// later: the connection is not read meanwhile. What is set up is a cast.Session: over UDP,
// interleaved with RTSP on the connection, or listening to a multicast group.
//
// With a gate players are asked for passwords by digest (proto/rtsp, "Passwords"), and by Basic on
// secure connections or with cast.Config.AllowBasic. The gate is asked before anything shows whether
// there is such a stream, and no streams are listed. What names a session is its client's: its id is
// known to nobody else. But SETUP, which says where frames go, is asked about each time, and must
// come from the session's user.
//
// A request that is not whole within 10 s ends its connection, and so does a session timeout in
// which nothing is asked on a connection without a session, or nothing is read by a peer that
// something waits for.
//
// With Options.TLS it is RTSP over TLS: a Terminator carries each connection, decrypted, to the loop.
// All limits are checked before a handshake begins.
//
// The protocol itself, bytes to bytes, is package proto/rtsp. All of this runs on the
// Broadcaster's loop.
package rtsp
