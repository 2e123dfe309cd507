package sim

import "net/netip"

// Egress looks at a message with a mark on its way out of the machine, as a program at a
// network interface does (tc-bpf(8)). It may have copies sent to others before: copyTo
// fails if the way to one does not take it. It returns to whom the message itself goes on,
// and whether it does: what does not is gone without an error.
type Egress func(mark uint32, to netip.AddrPort, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool)

// WithEgress has program see all marked messages.
func WithEgress(program Egress) Option { return func(o *options) { o.egress = program } }

// leave has the program, if there is one, decide where a message goes.
func (k *Kernel) leave(s *udpSocket, mark uint32, from, peer netip.AddrPort, payload []byte, segment int) error {
	if mark == 0 || k.options.egress == nil {
		return k.route(s, from, peer, payload, segment)
	}
	to, passed := k.options.egress(mark, peer, func(to netip.AddrPort) error {
		// Nobody's buffer is charged for a copy.
		return k.route(nil, from, canonical(to), payload, segment)
	})
	if !passed {
		return nil
	}
	return k.route(s, from, canonical(to), payload, segment)
}
