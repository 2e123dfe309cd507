// Package cast broadcasts video frames: it streams what a capture.Source delivers to any
// number of readers, on one loop.Loop.
//
//	b, err := cast.New(l, cast.Config{RTP: rtpAddress})
//	_, err = rtsp.Listen(b, rtspAddress, rtsp.Options{}) // package cast/rtsp
//	join.Serve(b)                                        // package cast/join
//	browsers, err := webrtc.Serve(b, webrtc.Options{})   // package cast/webrtc
//	_, err = http.Serve(b, httpAddress, http.Options{WHEP: browsers}) // package cast/http
//	_, err = b.AddStream("cam", source, cast.StreamOptions{})
//	err = l.Run(ctx)
//
// # Streams
//
// A Stream has a source, a ring of recent frames, and readers. A frame is copied into the ring
// once, and laid out as RTP packets once; all readers are sent those bytes. A stream without a
// source is fed by Stream.Publish. JPEGs that RTP cannot carry are coded anew by a worker, if there
// is a StreamOptions.Transcoder; frames that it has no time for are counted in Figures.Skipped.
//
// StreamOptions.Encode makes H.264 of a stream's pictures while somebody watches that, beside the
// pictures (Stream.Rendition) or in their place (StreamOptions.Encoded). Stream.Tap is a source of a stream's
// pictures, for another stream that is made of them. In both the source of pictures is opened once.
//
// Where frames depend on each other (H.264, H.265), readers begin with a key frame: one that the
// source is asked for (capture.KeyFramer, StreamOptions.RequestKeyFrame), or the newest one, from
// which they are caught up.
//
// AddStream does not wait until its source is open. A source that is lost is opened again (State);
// its stream exists meanwhile, and its readers stay. A watchdog looks after devices that fall
// silent.
//
// # Readers
//
// Readers come in three ways:
//
//   - By a front, which speaks a protocol with them: RTSP, the join protocol of camcast://, HTTP,
//     WebRTC. It asks the Gate, and opens a Session.
//   - By Stream.SendTo: a fixed destination, a host or a multicast group, which is a Session, too.
//   - By Stream.Join: a program that knows its readers adds them itself. No gate is asked and
//     no limit counts them.
//
// Broadcaster.Sessions lists the sessions of all protocols, and Session.End ends one. Limits and
// timeouts are those of Config.
//
// UDP readers are sent a frame burst by burst, each burst to every reader in turn, spread over a
// share of the frame interval. TCP readers are sent frames on their connection, each at its own
// pace. A reader that is more than Config.Lag frames behind goes on with the newest key frame; it
// costs no memory, and nobody waits for it. A UDP reader that reports loss is sent fewer frames,
// until its link carries more (Config.Adapt).
//
// A session may be sent SRTP (Config.SRTP, Stream.SRTP, Session.Seal): a stream's packets are sealed once
// for all its SRTP readers, under one key. Or it has keys and sequence numbers of its own (Stream.Private,
// Session.PlayPrivate), as by WebRTC: H.264 alone.
//
// # Fronts
//
// This package knows no front. A front is a package of its own that is opened on a Broadcaster:
// it calls Attach, asks Admit before it describes a stream or opens a session, counts its
// connections by Connected and Disconnected, and takes datagrams that come to the RTP port by
// HandleDatagrams. It puts a *Refusal in its protocol's words.
//
// # Goroutines
//
// All methods belong to the goroutine that runs the loop; another one hands a function over by
// loop.Loop.Post or Do. Jobs that wait for a device or code a picture (Config.Work, Config.Code) and
// the log run elsewhere.
package cast
