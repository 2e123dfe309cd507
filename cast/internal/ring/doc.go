// Package ring keeps the recent frames of a stream, in a constant number of buffers, and
// says which frame a reader gets next.
//
// A slot holds a coded frame, whatever its format. Its wire forms - RTP packets are one -
// lie beside it: a Form has a Layout lay each frame out once, for all readers who use the
// form, and only while somebody does.
//
// A Cursor is how far a reader has come, or a sweep that serves many. It goes on with the next
// frame, or, when it has fallen too far behind, with the newest key frame that it has not had.
//
// Nothing in here does I/O or asks for the time. All of it belongs to the loop's goroutine.
package ring
