package mpegts

import "time"

// pesBytes are those of a PES packet's header up to the length of what else is in it (2.4.3.6).
const pesBytes = 9

// times reads when the first frame of a PES packet is to be shown and decoded. It returns false if the
// header does not say it.
func (r *Reader) times(c *Chunk, header []byte) bool {
	flags, fields := header[7]>>6, header[pesBytes:]
	if flags < 2 || len(fields) < 5 {
		return false
	}
	shown := timestamp(fields)
	decoded := shown
	if flags == 3 && len(fields) >= 10 {
		decoded = timestamp(fields[5:])
	}
	c.Decoded = r.clock.at(decoded)
	c.Shown = c.Decoded + ticks(difference(shown, decoded))
	return true
}

// timestamp is one of 33 bits, in 90000ths of a second, with bits between its parts.
func timestamp(p []byte) uint64 {
	return uint64(p[0]>>1&7)<<30 | uint64(p[1])<<22 | uint64(p[2]>>1)<<15 | uint64(p[3])<<7 | uint64(p[4]>>1)
}

// clock follows a timestamp that begins anew every 26 hours.
type clock struct {
	last  uint64
	ticks int64
}

func (c *clock) at(timestamp uint64) time.Duration {
	c.ticks += difference(timestamp, c.last)
	c.last = timestamp
	return ticks(c.ticks)
}

// difference is how much later a is than b, by the shorter way around.
func difference(a, b uint64) int64 { return int64((a-b)<<31) >> 31 }

func ticks(n int64) time.Duration {
	const rate = 90_000
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/rate
}
