// Package v4l2 takes pictures from a camera behind a Linux V4L2 driver.
//
// A camera's MJPEG is passed through untouched, and so are the frames of its H.264 or H.265; raw
// pixels (YUYV, UYVY, NV12, NV21, I420, RGB24, BGR24, grey) are encoded by package encode. Without a wish
// the format is the first of these that has the size and the rate asked for.
//
// Of H.264 and H.265 no frame comes that needs a missing one: none before the first key frame, none
// between a gap in the driver's sequence and the next key frame. That is asked for, where the driver can
// be (V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME). Buffers are frames with most drivers; where they are parts of
// one, a frame ends when the next one begins.
//
// Frames that the driver flags as broken are skipped and counted, and so are the gaps in
// its sequence. A camera that is unplugged, has failed, or is in use when it is opened is
// reported as lost; it may be closed and opened again.
//
// Controls, SetControls and Inspect look at a camera beside a Source, also while it streams; Options.Controls
// are set each time it is opened.
//
// Drivers can take long to open and close a camera. Jobs of the Host do that, one at a time
// for each source, so that the loop does not wait. The loop takes frames and gives their
// buffers back; pictures that are encoded it copies for a worker. While that is busy the newest
// picture waits, and older ones are skipped and counted.
//
// It stands on go4vl, on the part below its Device type, which would start goroutines:
// the ioctls, wrapped one by one. Where go4vl loses what matters this package makes the
// call itself and says why. go4vl needs cgo; without it the package builds too, and finds
// no cameras.
package v4l2
