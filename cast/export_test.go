package cast

import (
	"encoding/binary"
	"reflect"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/rtsp"
)

// LimitCounts is what the limits of a Broadcaster count at present.
type LimitCounts struct {
	Readers, Connections, SetUp, Undecided int
	// Addresses is how many addresses are known, over all of them.
	Addresses int
}

// Counts are the counts of b.
func Counts(b *Broadcaster) LimitCounts {
	l := &b.limits
	return LimitCounts{
		l.readers.total, l.connections.total, l.setUp.total, l.undecided.total,
		len(l.readers.byAddress) + len(l.connections.byAddress) + len(l.setUp.byAddress) + len(l.undecided.byAddress),
	}
}

// InUnits is how the log has durations.
var InUnits = inUnits

// Indexed is how many UDP readers b finds by their addresses.
func Indexed(b *Broadcaster) int { return len(b.rtcpIndex.v4) + len(b.rtcpIndex.v6) }

// Grouped is a made-up format with groups of pictures: a frame that is no key frame needs the
// one before it. Its frames can be cut anywhere, and are sent as they are.
const Grouped = media.Format(200)

// GroupedHeaderBytes is what stands before a piece of a frame in a packet: the RTP header, the
// packet's index in the frame and how many packets the frame has, 16 bits each.
const GroupedHeaderBytes = rtp.HeaderBytes + 4

func init() { payloads[Grouped] = newGroupedPayload }

// groupedPayload is the RTP payload of Grouped.
type groupedPayload struct {
	ssrc     uint32
	sequence uint16
	layout   rtp.Layout
}

func newGroupedPayload(_ *Stream, o payloadOptions) (payload, error) {
	layout, err := rtp.NewLayout(o.packetSize, o.runPackets)
	return &groupedPayload{o.ssrc, o.sequence, layout}, err
}

const groupedPayloadType = 96

// Unusable, as the first byte of a frame, makes it one that cannot be laid out.
const Unusable = 0xff

func (g *groupedPayload) mustTranscode([]byte) bool { return false }

func (g *groupedPayload) lay(dst []byte, f *ring.Frame, timestamp uint32) (rtp.Packets, error) {
	if len(f.Bytes) == 0 || f.Bytes[0] == Unusable {
		return rtp.Packets{}, errNoParams
	}
	layout, sizes := g.cut(len(f.Bytes))
	p := rtp.Packets{Layout: layout, FirstSequence: g.sequence, Timestamp: timestamp}
	rest := f.Bytes
	for i, n := range sizes {
		last := byte(0)
		if i == len(sizes)-1 {
			last = 0x80 // the marker
		}
		dst = append(dst, 0x80, last|groupedPayloadType)
		dst = binary.BigEndian.AppendUint16(dst, g.sequence)
		dst = binary.BigEndian.AppendUint32(dst, timestamp)
		dst = binary.BigEndian.AppendUint32(dst, g.ssrc)
		dst = binary.BigEndian.AppendUint16(dst, uint16(i))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(sizes)))
		dst = append(dst, rest[:n]...)
		rest = rest[n:]
		g.sequence++
	}
	p.Bytes, p.Count = dst, len(sizes)
	return p, nil
}

// cut says how many bytes of a frame are in each packet. The last packet of each run, and that
// of the frame, are shorter than the others, for which packets may have to be a byte smaller.
func (g *groupedPayload) cut(bytes int) (layout rtp.Layout, sizes []int) {
	for layout = g.layout; ; layout.PacketSize-- {
		sizes = sizes[:0]
		full := layout.PacketSize - GroupedHeaderBytes
		for left := bytes; left > 0; left -= sizes[len(sizes)-1] {
			room := full
			if (len(sizes)+1)%layout.RunPackets == 0 {
				room--
			}
			sizes = append(sizes, min(room, left))
		}
		if sizes[len(sizes)-1] < full {
			return layout, sizes
		}
	}
}

func (g *groupedPayload) nextSequence() uint16 { return g.sequence }

func (g *groupedPayload) describe(*media.Params) rtsp.Description {
	return rtsp.Description{PayloadType: groupedPayloadType, Encoding: "X-GROUPED/90000"}
}

func (g *groupedPayload) check(*media.Params) error { return nil }

// Leaks is what a Broadcaster, or a stream of it, holds of readers. All of it is zero when it is
// closed.
type Leaks struct {
	LimitCounts
	Indexed, Sessions      int
	Pins, Holds, FormUsers int
	Private                int
}

// LeaksOf counts what b and a stream hold.
func LeaksOf(b *Broadcaster, s *Stream) Leaks {
	l := Leaks{
		LimitCounts: Counts(b), Indexed: Indexed(b) + len(b.rtpIndex.v4) + len(b.rtpIndex.v6), Sessions: len(s.sessions),
	}
	for _, q := range []*sessionQueue{&b.sessions.settingUp, &b.sessions.live, &b.sessions.consenting} {
		for first := q.first; first != nil; first = first.next {
			l.Sessions++
		}
	}
	l.Private = s.rendition.private.fan.Readers() + len(b.privateIndex)
	slots := reflect.ValueOf(s.rendition.ring).Elem().FieldByName("slots")
	for i := range slots.Len() {
		l.Pins += int(slots.Index(i).Elem().FieldByName("pins").Int())
		l.Holds += int(slots.Index(i).Elem().FieldByName("holds").Int())
	}
	l.FormUsers = int(reflect.ValueOf(s.rendition.plain.form).Elem().FieldByName("users").Int())
	return l
}

// Newcomers is how many readers with keys of their own wait for their first report.
func Newcomers(s *Stream) int { return len(s.reports.private.newcomers) }

// Fronts is how many fronts b will close.
func Fronts(b *Broadcaster) int { return len(b.fronts) }

// FixedPort is the port that a fixed destination is sent RTP from.
func FixedPort(s *Session) uint16 {
	for _, d := range s.stream.fixed {
		if d.session == s {
			return d.pair.rtp.Local().Port()
		}
	}
	return 0
}

// LaySealed lays the newest frame out as SRTP once more, in dst, and returns its packets before and after
// sealing. There are readers of the plain packets.
func LaySealed(s *Stream, dst []byte) (plain, sealed rtp.Packets, err error) {
	f := s.rendition.ring.Last()
	sealed, err = s.rendition.sealing.Lay(dst, f)
	return s.rendition.plain.form.Of(f).Packets, sealed, err
}

// SkipSealed has the numbers of a stream's SRTP go on at an index.
func SkipSealed(s *Stream, index uint64) { s.rendition.sealing.next = index }

// SealedIndex is the index of the next SRTP packet.
func SealedIndex(s *Stream) uint64 { return s.rendition.sealing.next }

// FormOf is what of the packets a reader chooses.
func FormOf(p Private) sealfan.Form { return p.form() }
