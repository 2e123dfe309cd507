package cast

import "github.com/camcast/camcast/proto/rtsp"

// Feedback is what a UDPReader has reported. Stream.EachReader has that of readers that
// came by RTSP or by joining; the RTCP of one that was added by Stream.Join goes to its
// Observer, which has a Feedback and hands the packets on:
//
//	func (o *observer) Control(packet []byte) { o.feedback.Take(o.reader, packet) }
//
// The zero value is ready. Its methods belong to the loop's goroutine.
type Feedback struct{ heard reception }

// Take reads RTCP that came from the reader, and keeps nothing of the packet. What is not
// RTCP, or about another stream, is dropped without a word; so is what comes within half a
// second of the packet that was read last. What the report says of loss may thin the reader
// (Config.Adapt).
func (f *Feedback) Take(r *UDPReader, packet []byte) { f.heard.take(r.group.stream, r, packet) }

// Figures are those of the reader at this moment. Peer is that of a reader that has not
// left.
func (f *Feedback) Figures(r *UDPReader) ReaderFigures {
	figures := f.heard.figures(r.group.stream.cast.loop.Now())
	figures.Transport, figures.Frames, figures.Lags, figures.Withheld = rtsp.UDP, r.Frames(), r.Lags(), r.Withheld()
	if !r.gone {
		figures.Peer = r.group.fan.Peer(int(r.place))
	}
	return figures
}
