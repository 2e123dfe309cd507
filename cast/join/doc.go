// Package join serves the streams of a cast.Broadcaster to readers who join by the RTP port
// alone: camcast://, without RTSP and without a connection (proto/join/PROTOCOL.md).
//
// Serve opens it. It keeps nothing of readers that have not proved their address. The
// Broadcaster's gate decides each request to join, and may answer later. All of this runs on
// the Broadcaster's loop.
package join
