package cast

// Feedback is what a UDPReader has reported. A Session has its own; the RTCP of a reader
// that was added by Stream.Join goes to its Observer, which has a Feedback and hands the
// packets on:
//
//	func (o *observer) RTCP(packet []byte) { o.feedback.Take(o.reader, packet) }
//
// The zero value is ready. Its methods belong to the loop's goroutine.
type Feedback struct{ reception reception }

// Take reads RTCP that came from the reader, and keeps nothing of the packet. What is not
// RTCP, or about another stream, is dropped silently; so is what comes within half a
// second of the packet that was read last. What the report says of loss may thin the reader
// (Config.Adapt).
func (f *Feedback) Take(r *UDPReader, packet []byte) {
	f.reception.take(r.stream(), r.stream().SSRC(), &r.reader, packet)
}

// Figures are those of the reader at this moment. Peer is that of a reader that has not
// left.
func (f *Feedback) Figures(r *UDPReader) ReaderFigures {
	figures := f.reception.figures(r.stream().broadcaster.loop.Now())
	figures.Transport, figures.Frames, figures.Lags, figures.Withheld = UDP, r.Frames(), r.Lags(), r.reader.Withheld()
	if !r.reader.Gone() {
		figures.Peer = r.reader.RTPAddress()
	}
	return figures
}
