// Package capture is where frames come in.
//
// A Source is an fd that becomes readable and a call, Next, that returns the
// frame. That is all the rest of the house knows of cameras, so whatever can be
// put behind an fd can be broadcast. The folders below each hold one kind of
// source:
//
//   - v4l2: a camera behind a Linux V4L2 driver
//   - testcard: a moving picture with the time of day in it, driven by a timerfd
//   - file: an MJPEG file or a folder of JPEGs, at its own rate
//
// and encode turns pixels into JPEG.
//
// Nothing in here starts a goroutine, sleeps or asks for the time: the caller
// hands in a Clock and calls Next when the fd is ready.
package capture
