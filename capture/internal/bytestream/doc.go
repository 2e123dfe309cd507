// Package bytestream makes frames of the bytes that a program writes to a pipe: what the sources of
// children, stdin and FIFOs share.
//
// A Demuxer makes frames of bytes, without I/O. Source keeps what a source knows from one opening to the
// next, and Session is one opening: it reads an fd that never blocks, as the loop says that there is
// something, and reports frames to the host.
package bytestream
