// Package sealfan sends one ring of frames to many UDP readers with keys of their own, as WebRTC has them.
//
// Frames are laid out once for each form that readers want (a payload type, a header extension). What differs by reader
// is sequence numbers and seals: for some readers at a time a slab is sealed, and sent as a segmented message for each,
// many in a call. Readers are grouped by socket and form. Each group has a sweep, which sends frames burst by burst, each burst to
// every reader in turn, paced over a share of the frame interval, by package sending, as fanout's are.
//
// As the numbers are a reader's own, it finds no gaps where it was not sent a frame:
//
//   - A reader whose reports tell of loss, or of a narrow way, is sent no frames that others do not need, or key frames alone
//     (thin.go, by the rule of package fanout).
//   - A reader begins with a key frame, or is caught up from the newest one (catch.go).
//   - Packets that a reader has not got are sealed again from the ring, the same bytes, or not at all (resend.go). They wait in a
//     queue, in which readers take turns, and have a budget of their own, so that frames are not delayed (answers.go).
//   - A reader is sent less than 2^15 packets beyond those that it has reported, as it would else lose its rollover counter in an
//     outage: one whose reports stand still is sent probes alone, until it reports one (ahead.go).
//
// All of it belongs to the loop's goroutine.
package sealfan
