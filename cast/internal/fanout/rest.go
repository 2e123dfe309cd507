package fanout

// Packets for a machine that has left the local network wait in the kernel for its link
// address: some 200 kB, for three seconds, again and again. They are charged to the socket that
// many readers share. A few such machines fill it, and all readers wait.
//
// So the readers of a machine that does not answer ARP rest. They get no frames until the
// machine answers or something comes from them. Sender reports go on: each makes the kernel ask
// once more.

// Rest has the reader get no frames, or frames again, from the next one on that it can begin
// with. It reports whether that is a change.
func (r *Reader) Rest(resting bool) (changed bool) {
	if r.gone || r.resting == resting {
		return false
	}
	f := r.group.fanout
	r.resting = resting
	if resting {
		f.config.Figures.Resting++
		f.config.Log.Info("reader rests: its machine does not answer", "rtcp", r.RTCPAddress())
	} else {
		f.config.Figures.Resting--
		f.config.Log.Info("reader goes on", "rtcp", r.RTCPAddress())
	}
	r.settle()
	return true
}

// passOver skips a frame, as the sweep of resting readers does.
func (w *sweep) passOver() {
	w.cursor.Skip(w.fanout().config.Ring)
	if readers := w.group.size(); readers > 0 {
		w.lags++
		w.fanout().lagged(1, readers)
	}
	w.group.endFrame()
}
