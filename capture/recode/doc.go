// Package recode is a source of another source's pictures, coded anew: H.264 of a camera's JPEG.
//
// A worker encodes copies of the frames, the newest first: while it is busy only the newest frame waits, and
// those that it replaces are counted as skipped. Neither the loop nor the other source waits for it.
package recode
