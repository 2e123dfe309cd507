// Package v4l2 takes pictures from a camera behind a Linux V4L2 driver.
//
// A camera's MJPEG is passed through untouched; YUYV is encoded by package encode.
// Frames that the driver flags as broken are skipped and counted, and so are the gaps in
// its sequence. A camera that was unplugged or has failed says capture.ErrLost, and can
// be opened anew by Restart.
//
// It stands on go4vl, on the part below its Device type, which would start goroutines:
// the ioctls, wrapped one by one. Where go4vl loses what matters this package makes the
// call itself and says why. go4vl needs cgo; without it the package builds too, and finds
// no cameras.
package v4l2
