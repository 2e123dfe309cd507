// Package cast broadcasts pictures: it puts the frames of a capture.Source before any
// number of readers, on one loop.Loop, without a goroutine, a lock or a sleep.
//
// A Broadcaster has the sockets, the RTSP server and some Streams. A Stream has a
// source and its readers. Each frame is laid out as RTP packets once, in a ring of
// constant size, and all readers are sent those same bytes:
//
//   - UDP readers, by RTSP, by camcast:// (package join) or by Stream.Join, in a sweep:
//     burst by burst, each burst to every reader in turn, paced over a share of the frame
//     interval. What the socket does not take now follows when it is writable.
//   - TCP readers, interleaved with RTSP on their connection, each at its own pace.
//   - fixed destinations, hosts or multicast groups, by Stream.SendTo.
//
// A reader that is more than Config.Lag frames behind goes on with the newest. Nobody
// waits for it, and it costs no memory.
//
// A UDP reader whose reports tell of loss is sent every 2nd, 4th or 8th frame instead, until
// its link bears more (Config.Adapt).
//
// The source is watched by a watchdog: a camera that falls silent or is unplugged is
// opened anew, and its readers stay.
package cast
