// Package nal has what H.264 and H.265 share: streams of NAL units (ITU-T H.264 and H.265,
// Annex B), the form in which a media.Frame holds them, and the assembly of units into access
// units, each of which is one frame. Packages h264 and h265 have what the units say.
//
// A Splitter cuts a stream of bytes that has start codes into units. An Assembler, which
// h264.NewAssembler and h265.NewAssembler make, puts units together into frames. A Stream is
// both: bytes in, frames out. Next and Append read and write the units of a frame.
//
// Nothing here does I/O or knows the time. Nothing is allocated for a frame once buffers have
// grown to the size of the largest one.
package nal
