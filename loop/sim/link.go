package sim

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Link is what lies before an address: the network on the way there. The zero Link is
// a perfect one. Chances are from 0 to 1, for each datagram after segmentation;
// streams are delayed and throttled, but nothing of them is lost or reordered.
type Link struct {
	// Delay is the time on the way, Jitter the most that is added to it by chance.
	// Jitter does not reorder.
	Delay, Jitter time.Duration
	// Loss and Duplicate are the chances to be lost and to arrive twice.
	Loss, Duplicate float64
	// Reorder is the chance to be held back by HoldBack (1 ms if 0), so that later
	// ones overtake.
	Reorder  float64
	HoldBack time.Duration
	// BytesPerSecond is how much payload passes; 0: no limit.
	BytesPerSecond int
	// QueueBytes is how much may wait to pass; more is dropped (Throttled), as by a
	// router. 0: nothing is dropped, but what waits fills the sender's socket buffer,
	// as before the machine's own network card. Streams always wait.
	QueueBytes int
	// Shared has all addresses of the prefix share the bandwidth and the queue.
	// Otherwise each has a line of its own.
	Shared bool
	// MTU is the largest IP packet; segments that are larger are refused with
	// EMSGSIZE. 0: no limit. Datagrams that are not segmented pass in fragments.
	MTU int
	// NoSegmentation refuses segmented messages with EIO, as a network card does that
	// cannot checksum.
	NoSegmentation bool
	// Down loses everything; streams stand still until it is up again.
	Down bool
}

// link is a Link and where it lies.
type link struct {
	Link
	prefix netip.Prefix
	lines  map[netip.Addr]*line
}

// line is the way to one address, or to all of a shared link.
type line struct {
	link *link
	free time.Duration // when all that was sent has passed
	last time.Duration // when the last of it arrives
}

// SetLink says what lies before the addresses of a prefix, from now on; what is on its
// way stays so. Of several prefixes the longest counts. What has been said of the
// same prefix is replaced.
func (k *Kernel) SetLink(to netip.Prefix, l Link) {
	to = to.Masked()
	n := &k.network
	n.linkEpoch++
	for _, old := range n.links {
		if old.prefix == to {
			old.Link = l
			k.resume()
			return
		}
	}
	n.links = append(n.links, &link{Link: l, prefix: to, lines: map[netip.Addr]*line{}})
	slices.SortStableFunc(n.links, func(a, b *link) int { return cmp.Compare(b.prefix.Bits(), a.prefix.Bits()) })
	k.resume()
}

// lineTo returns the line to an address, nil if it is perfect.
func (k *Kernel) lineTo(ip netip.Addr) *line {
	for _, l := range k.network.links {
		if !l.prefix.Contains(ip) {
			continue
		}
		if l.Link == (Link{}) {
			return nil
		}
		key := ip
		if l.Shared {
			key = l.prefix.Addr()
		}
		at := l.lines[key]
		if at == nil {
			at = &line{link: l}
			l.lines[key] = at
		}
		return at
	}
	return nil
}

// transmit puts bytes on the line: it tells when the last of them has left the queue.
func (l *line) transmit(now time.Duration, bytes int) (left time.Duration) {
	if l.link.BytesPerSecond <= 0 {
		return now
	}
	l.free = max(l.free, now) + l.duration(bytes)
	return l.free
}

func (l *line) duration(bytes int) time.Duration {
	return time.Duration(float64(bytes) / float64(l.link.BytesPerSecond) * float64(time.Second))
}

// full reports whether the queue has no room for bytes more.
func (l *line) full(now time.Duration, bytes int) bool {
	if l.link.BytesPerSecond <= 0 || l.link.QueueBytes == 0 {
		return false
	}
	return l.free-now+l.duration(bytes) > l.duration(l.link.QueueBytes)
}

// travel is how long what has left the queue is on its way.
func (k *Kernel) travel(l *line) time.Duration {
	d := l.link.Delay
	if l.link.Jitter > 0 {
		d += time.Duration(k.random.Int64N(int64(l.link.Jitter) + 1))
	}
	return d
}
