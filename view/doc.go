// Package view is the receiving side of a stream: it makes pictures of RTP packets that
// come late, twice, out of order or not at all, keeps the last of them, and knows how old
// they are.
//
//	packets -> Buffer: in order, each frame at its time -> History: back and forth -> screen
//	sender reports -> Clock: when a frame was taken
//
// Of what did not come a Buffer says whether it was lost on the way, or skipped: in a gap of whole
// frames, which the server may not have sent to this receiver. RTP does not tell such a gap from
// frames that the network has lost whole.
//
// Pictures of H.264 and H.265 need others. A Buffer gives none whose others did not come, and a History
// gives with each picture those that a decoder needs before it.
//
// Nothing here does I/O or has a clock: time is an argument, on whatever clock that does
// not jump, and each part says when to call it next. So it runs on a readiness loop
// as well as in a simulation. A Buffer, a History and a Clock belong to one goroutine, and
// neither allocates once it has seen the largest frames.
package view
