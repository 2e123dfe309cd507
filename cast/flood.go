package cast

import (
	"time"

	"github.com/camcast/camcast/loop/udp"
)

// When readers send more RTCP than there is time for, some of it is dropped by chance, the
// reports of readers that report rarely among it. Their silence proves nothing then.

// floodPatience is how many session timeouts more a reader may be silent while that
// lasts. It is not without end: else a flood would keep the readers that have vanished.
const floodPatience = 3

// patience is how much longer than its timeout a reader may be silent at present.
func (b *Broadcaster) patience() time.Duration {
	for _, p := range b.pairs {
		flooded := b.flooded(p.rtcp)
		for rtp := range p.rtpSockets() {
			flooded = flooded || b.flooded(rtp)
		}
		if flooded {
			return floodPatience * b.config.SessionTimeout
		}
	}
	return 0
}

// flooded reports whether something that came to a socket within the last session timeout
// may not have been read.
func (b *Broadcaster) flooded(s *udp.Socket) bool {
	at, ever := s.Behind()
	return ever && b.loop.Awake()-at < b.config.SessionTimeout
}
