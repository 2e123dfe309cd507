// Package rtsp is the server side of RTSP 1.0 (RFC 2326) for live streams of one video track, and the SDP (RFC 8866) that
// describes them.
//
// It does no I/O and has no clock: the caller owns the sockets and the time. For each TCP connection there is a [Conn]: what
// is read goes into [Conn.Receive], what comes out is to be written. The caller implements [Media], which says what the
// requests mean for the streams. Nothing here is safe for concurrent use: a [Server] with all its connections and sessions
// belongs to one thread.
//
//	socket readable -> Conn.Receive -> Media.Resolve, Paths, Describe, Setup, Play, Pause, Alive, End -> responses -> socket
//	answer is known -> Conn.Resume  -> the same
//	Conn.Next is due -> Conn.Expire -> 408, and the connection is to be closed
//
// # Answers that come later
//
// Media answers DESCRIBE, SETUP and PLAY by an [Answer]: a status, and perhaps a reason in words and when to ask again. While
// it cannot say yet, because a camera is being opened or somebody else decides, it answers [Later]. The request then waits at
// the head of its connection, and all that comes behind it waits too, as RTSP answers in order. When the answer is known, the
// caller calls [Conn.Resume], and Media is asked again. Nothing has happened in between: no session exists, nothing is counted.
// The caller decides how long a request may wait: Media refuses it then.
//
// # Connections and sessions
//
// A [Session] is one reader of one stream. It is known by its id, not by its connection: a connection may hold several
// sessions (ffmpeg starts a second one when UDP stays silent), and a session may be named from several connections
// (GStreamer tears down from a new one). Three rules keep that safe:
//
//   - A session is visible only to the IP address that set it up; to any other address it does not exist (454), so nobody
//     who has overheard an id can redirect or end somebody else's stream.
//   - Media is sent to the address of the TCP peer that sent SETUP and to nowhere else. The destination parameter of the
//     Transport header is ignored: it would let anybody aim a stream at anybody (RFC 2326 section 16).
//   - An interleaved session ends with the connection that set it up, because that is where its data goes. A UDP or
//     multicast session survives its connection.
//
// The package does not end silent sessions. It calls [Media.Alive] for each request that names a session and for each RTCP
// packet that arrives interleaved. A keep-alive (OPTIONS, GET_PARAMETER, SET_PARAMETER) that names no session is one of the only
// session that was set up on its connection. The caller adds the signs of life that it sees itself, RTCP over UDP and progress in
// writing to an interleaved reader, and calls [Session.End] after [Config.Timeout] without any.
//
// # Passwords
//
// A server with a [Config.Realm] reads the credentials of DESCRIBE and SETUP: digests by SHA-256 and MD5 (RFC 7616, and RFC 2069
// as most players speak it), and passwords in clear text on secure connections or where [Conn.AllowBasic] is set (RFC 7617). Media asks for them by
// [Conn.Credentials], and answers StatusUnauthorized. The nonce is the connection's own, lives for NonceTime, and a client that
// counts must count upwards; so a digest that somebody has overheard is of no use. After MaxFailures wrong ones the connection
// is closed.
//
// Requests that name a session need no credentials: its id is known only to the client that was admitted by SETUP, and it is
// of use at that client's address alone. SETUP is asked for them all the same.
//
// # Streams, tracks and URLs
//
// rtsp://host:port/NAME is a stream, rtsp://host:port/NAME/trackID=0 its only track. Since there is one track, SETUP of
// the stream is SETUP of the track, and PLAY, PAUSE and TEARDOWN mean the same on either URL: they act on the session
// they name. URLs are read by package uri, which takes what players send: the zone of an IPv6 address as ffmpeg writes it, and
// any character in a password. The URLs in answers are built from the URL that was asked for, so they are right behind any address
// translation. Query strings are kept: the track of rtsp://host/cam?x=1 is rtsp://host/cam?x=1/trackID=0, and since
// GStreamer resolves it to rtsp://host/trackID=0 first, that means the stream which the connection has described last.
//
// # What is refused, and with which status
//
//	400 the request can be framed but not understood: request line, header, CSeq, URL, no Transport in SETUP
//	401 no credentials, wrong ones, or a nonce that is not valid any more (stale=true), with the challenges
//	404 no such stream or track; the body lists the URLs of the streams that there are, one on a line
//	405 the method cannot be used on this resource: ANNOUNCE, RECORD (11.3.1), all but keep-alives on "*"
//	406 DESCRIBE whose Accept excludes application/sdp
//	408 a message that is not whole RequestTime after its first byte; then the connection is closed
//	413 a request larger than Config.MaxRequestBytes; 414 a URL longer than 2048 bytes
//	451 GET_PARAMETER and SET_PARAMETER with a body: there are no parameters
//	454 the session is missing, unknown, over, or another address's; not for PAUSE and TEARDOWN of the last session of the
//	    connection that the server has ended, which players send when a stream is over
//	455 SETUP of a session that plays (10.4)
//	457 PLAY with an NPT range that cannot be read or ends before it starts
//	459 SETUP of a second stream within a session (10.4): streams are not bundled
//	461 none of the transports offered can be used
//	501 an unknown method; 505 another version than RTSP/1.0; 551 Require and Proxy-Require
//	503 more than Config.MaxSessionsPerConn sessions on a connection
//
// [Media] adds its own, such as [StatusNotEnoughBandwidth] when a limit of readers is reached. A caller that does not want a
// connection at all says so by [Server.AppendRefusal].
//
// # Reading requests
//
// A message is framed before it is parsed: up to the empty line, then Content-Length bytes, all within
// Config.MaxRequestBytes. The header is read by net/textproto, which is lenient about line ends.
// When framing is lost (two Content-Lengths, a request without end, binary junk, an SSH client) the error is answered and Receive says
// that the connection is to be closed. It says the same, without an answer, when more than Config.MaxRequestBytes come behind
// a request that waits.
//
// An HTTP request is answered in HTTP: 400, with a text that says what this is and the URLs of the streams. Then the
// connection is closed.
package rtsp
