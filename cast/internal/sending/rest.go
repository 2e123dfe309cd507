package sending

import (
	"context"
	"log/slog"
	"net/netip"
)

// RestReason is why a reader rests, that is gets no frames, a bit for each reason; 0: it does not rest.
type RestReason uint8

const (
	// MachineSilent: its machine does not answer ARP.
	MachineSilent RestReason = 1 << iota
	// PortClosed: its host says so, by ICMP.
	PortClosed
)

// String says it in words.
func (r RestReason) String() string {
	if r&PortClosed != 0 {
		return "its port is closed"
	}
	return "its machine does not answer"
}

// CountRest counts and logs that a reader begins to rest or goes on, if it does: its reasons were others before. The
// log names the reader by its address, under a key.
func (s *Sweeps) CountRest(was, is RestReason, level slog.Level, key string, reader netip.AddrPort) {
	switch {
	case was == 0:
		s.Figures.Resting++
		s.Log.Log(context.Background(), level, "reader rests: "+is.String(), key, reader)
	case is == 0:
		s.Figures.Resting--
		s.Log.Log(context.Background(), level, "reader goes on", key, reader)
	}
}
