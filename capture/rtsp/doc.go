// Package rtsp is a camera that is reached by RTSP, as a capture.Source: H.264, H.265 or JPEG, by
// UDP or on the connection, with a password (Digest) and by TLS. However many watch the stream, the
// camera has one viewer.
//
//	connection, sockets -> receive.RTSP: packets -> view.Buffer: whole frames, in order -> Host
//
// Frames are handed on as soon as they are whole, and as they came: nothing is decoded. Where a
// packet is missing the source waits for it for a moment; then its frame is given up, and those that
// need it, up to the next key frame, which the camera is asked for (RTCP PLI). Frames keep the times
// at which the camera took them, without the network's jitter.
//
// The source is live with its first frame. It is lost when the camera is silent, hangs up, refuses,
// or sends what no frame can be made of; the Host then opens it again. A camera that refuses the
// password is left alone for longer, as some lock out who tries again and again. What comes from a
// camera is bounded in memory, and what it says in errors is one line; passwords are in none.
//
// Unlike other sources this one runs on a loop itself, for its sockets: that of its Host.
package rtsp
