// Package sending has what packages fanout and sealfan share: how the frames of one ring go to many UDP readers.
//
//   - A Sweep says when a burst of a frame is sent (pace.go), and what follows when a socket or a queue behind it is full
//     (congestion.go). What the burst is, and who gets it, is the affair of its Sender.
//   - Catching has the readers that are caught up, each by a cursor of its own, and says when each is sent its next run.
//   - Sweeps is what all sweeps of a ring's readers share: the pace, the figures, and the readers whose observers are to be
//     told that they are lost.
//   - A reader rests for a RestReason, and is lost when IsLost says so.
//
// All of it belongs to the loop's goroutine. Sending allocates nothing.
package sending
