// Package tcpfan sends one ring of frames to many TCP readers, each at its own pace.
//
// A reader has a cursor of its own: a frame and the next packet of it. Packets are written
// straight from the wire form that all readers share; only the framing before each packet is
// made here, once for all readers of a frame. A reader that does not read costs no
// memory: it falls behind, and goes on with the newest key frame. A new one can be caught up from that.
//
// A Fan sends RTP packets as RTSP interleaves them, or the parts of an HTTP response (Config.Parts).
//
// All of it belongs to the loop's goroutine.
package tcpfan
