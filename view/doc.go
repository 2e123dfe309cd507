// Package view is the receiving side of a stream: it makes pictures of RTP packets that
// come late, twice, out of order or not at all, keeps the last of them, and knows how old
// they are.
//
//	packets -> Buffer: in order, each frame at its time -> History: back and forth -> screen
//	sender reports -> Clock: when a frame was taken
//
// Nothing here does I/O or has a clock: time is an argument, on whatever clock that does
// not jump, and each part says when to call it next. So it runs on a readiness loop
// as well as in a simulation. A Buffer, a History and a Clock belong to one goroutine, and
// neither allocates once it has seen the largest frames.
package view
