package udp

const (
	// rejectionRoom is how many ICMP messages are read in one call, and rejectionCalls how many
	// calls are made in one turn: anybody can send such messages, and frames must not wait for
	// them. A budget may be spent before. The rest comes with the next turn.
	rejectionRoom  = 16
	rejectionCalls = 4
)

// failed reads the error queue, within the budget of what is received.
func (s *Socket) failed() {
	if s.rejecting == nil {
		s.readRejections()
		return
	}
	s.rejecting.Do() // if it has to wait, it is the next turn that it waits for
}

// readRejections takes what is in the error queue: until it is empty the fd is Failed, and the
// loop would turn for it again and again.
func (s *Socket) readRejections() {
	read, budget := 0, s.options.Budget
	for calls := range rejectionCalls {
		if len(s.rejections) == 0 {
			break
		}
		if calls > 0 && budget != nil && budget.Spent(s.kernel.Monotonic()) {
			s.rejecting.Later()
			return
		}
		n, err := s.kernel.ReadRejections(s.fd, s.rejections)
		if err != nil {
			break
		}
		read += n
		s.counters.Rejections += uint64(n)
		for _, r := range s.rejections[:n] {
			if s.options.Rejected(r); s.closed {
				return
			}
		}
		if n < len(s.rejections) {
			return
		}
	}
	if read == 0 {
		// An error that is not in the queue, perhaps as that was full: reading it clears it.
		_ = s.kernel.SocketError(s.fd)
	}
}
