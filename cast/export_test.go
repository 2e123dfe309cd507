package cast

// LimitCounts is what the limits of a Broadcaster count at present.
type LimitCounts struct {
	Readers, Connections, SetUp int
	// Addresses is how many addresses are known, over all three.
	Addresses int
}

// Counts are the counts of b.
func Counts(b *Broadcaster) LimitCounts {
	l := &b.limits
	return LimitCounts{
		l.readers.total, l.connections.total, l.setUp.total,
		len(l.readers.byAddress) + len(l.connections.byAddress) + len(l.setUp.byAddress),
	}
}

// InUnits is how the log has durations.
var InUnits = inUnits

// Indexed is how many UDP readers b finds by their addresses.
func Indexed(b *Broadcaster) int { return len(b.rtcpIndex.v4) + len(b.rtcpIndex.v6) }
