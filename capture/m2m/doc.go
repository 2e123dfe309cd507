// Package m2m encodes pictures by a stateful V4L2 memory-to-memory encoder, such as the H.264 encoder of a
// Raspberry Pi up to 4: raw pictures go into the device's OUTPUT queue, coded frames come out of its CAPTURE
// queue.
//
// An Encoder is given one picture and returns its frame; it waits for the device meanwhile. So it is called
// on a worker, as the encoders in software are, and not on a loop: JPEG is decoded there anyway, a device that
// fails can be replaced by another encoder with the same picture, and the loop has no file descriptor more.
//
// All ioctls that drivers may lack are optional: S_PARM, S_SELECTION when the size is the wanted one, the
// encoder command, and all controls. Where no key frame can be asked for, the stream is begun anew, as the
// first frame of a stream is one.
package m2m
