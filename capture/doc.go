// Package capture is where frames come in.
//
// A Source is opened on a Host: it is given a loop's time, timers, watched fds, and workers
// for what has to wait. It reports to the Host what becomes of it, and each frame. That is
// all the rest of the house knows of cameras. Package cast is the Host of a stream's source. The
// folders below each hold one kind of source:
//
//   - v4l2: a camera behind a Linux V4L2 driver
//   - testcard: a moving picture with the time of day in it
//   - file: an MJPEG, H.264 or H.265 file or a folder of JPEGs, at its own rate
//   - exec: what a command writes to its stdout
//   - pipe: what another program writes to stdin or a FIFO
//   - rtsp: an RTSP camera, on the Host's own loop
//
// encode turns pixels into JPEG; a source that encodes has package worker do so, beside the loop.
// Feed is the source that other goroutines push frames into.
//
// A source starts no goroutine, does not sleep and does not ask for the time. All of it runs
// on the Host's loop but for the jobs that it gives to Host.Work and Host.Code. It need not be opened: what
// makes a source only checks its options. Sources know nothing of each other.
//
// A source that has failed, was lost or is not watched is closed, and may be opened again.
// The Params of its frames stay the same, or have a higher Version.
package capture
