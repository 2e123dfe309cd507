// Package join serves the streams of a cast.Broadcaster to readers who join by the RTP port
// alone: camcast://, without RTSP and without a connection (proto/join/PROTOCOL.md).
//
// With a gate readers prove passwords by a code over their cookie (PROTOCOL.md, section 4.9), and the
// list is for those whom the gate admits to cast.List. A reader that has joined may ask again
// without a proof, as when the answer was lost: its address has been proved.
//
// Serve opens it. It keeps nothing of readers that have not proved their address. The
// Broadcaster's gate decides each request to join, and may answer later. All of this runs on
// the Broadcaster's loop.
package join
