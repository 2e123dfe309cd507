// Package ring keeps the recent frames of a stream and says which frame a reader gets next. Where
// frames depend on each other it keeps the newest group of pictures, too, so that a new reader can
// be caught up from its key frame. What it keeps is bounded in frames, time and bytes.
//
// A slot holds a coded frame, whatever its format. Its wire forms - RTP packets are one -
// lie beside it: a Form has a Layout lay each frame out once, for all readers who use the
// form, and only while somebody does.
//
// A Cursor is how far a reader has come, or a sweep that serves many. It goes on with the next
// frame, or, when it has fallen too far behind, with the newest key frame that it has not had. A
// Squeeze gives frames by which a reader is caught up timestamps near the live edge.
//
// Nothing in here does I/O or asks for the time. All of it belongs to the loop's goroutine.
package ring
