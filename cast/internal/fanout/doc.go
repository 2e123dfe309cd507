// Package fanout sends one ring of frames to many UDP readers, from a few sockets.
//
// Readers are grouped: by the socket that they are sent from, and by how many of the frames
// they get. Each group has a sweep, which sends frames to its readers burst by burst, each
// burst to every reader in turn, paced over a share of the frame interval. Nothing is kept
// per reader but its address and a few counts.
//
//   - A reader whose reports tell of loss is thinned: moved to a group that gets every 2nd, 4th
//     or 8th frame, or, where frames depend on each other, those that others need, or key frames
//     alone (adapt.go has the rule).
//   - A reader whose machine does not answer ARP rests: it is moved to a group that gets none.
//     So does one whose port is closed, which is lost if it stays silent (closed.go).
//   - A reader that comes in the middle of a group of pictures begins with the next key frame, or
//     is caught up from the newest one (catch.go).
//   - A reader to which a frame could not be sent that others need goes on with a key frame.
//
// When a burst is sent, and what follows when a queue is full, says package sending.
//
// Fanout knows the ring, the wire form and the sockets, and neither streams nor sessions. All
// of it belongs to the loop's goroutine.
package fanout
