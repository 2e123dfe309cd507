package cast_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtcp"
)

// TestPrivateSenderReports has many readers come, and leave, while they are told what they are sent: each is told so soon, and then
// with all others, of its own packets.
func TestPrivateSenderReports(t *testing.T) {
	p := newPrivateWorld(t, 10, func(c *cast.Config) { c.MaxReaders, c.MaxConnections = cast.NoLimit, cast.NoLimit })
	s, err := p.world.b.AddStream("program", nil, cast.StreamOptions{Params: p.film.params})
	p.must(err)
	publish := func(n uint32) {
		p.must(s.Publish(media.Frame{Params: p.film.params, Bytes: nalFrame(n, n, 3000), Key: true}))
	}
	const readers = 600 // more than two lots of reports
	type member struct{ packets, octets, reports int }
	var all [readers]member
	var guests []*guest
	for i := range readers {
		g := p.newGuest(byKeys, netip.AddrFrom4([4]byte{10, 0, byte(2 + i/200), byte(1 + i%200)}).String(), s, p.film)
		p.guests = append(p.guests, g)
		g.begin()
		m := &all[i]
		g.rtp.OnReceive(func(d sim.Datagram) {
			packet := g.keyed.open(g, d.Payload)
			if packet == nil {
				return
			}
			if packet[1] < 192 || packet[1] > 223 {
				m.packets++
				m.octets += len(packet) - 12
				return
			}
			p.must(rtcp.Parse(packet, rtcp.Visitor{Sender: func(r rtcp.SenderReport, _ uint64) {
				if m.reports++; int(r.Packets) != m.packets || int(r.Octets) != m.octets {
					t.Errorf("reader %d is told of %d packets and %d octets, and has got %d and %d", i, r.Packets, r.Octets, m.packets, m.octets)
				}
			}}))
		})
		guests = append(guests, g)
	}
	reports, most := 0, 0 // in a turn
	p.k.Inject(func(c sim.Call) error {
		if c.Peer.Addr().Is4() && c.Bytes < 200 { // packets of frames are longer
			reports++
		}
		return nil
	})
	publish(1) // before which there is nothing to tell
	for range 10 {
		reports = 0
		_, err := p.l.Turn(0)
		p.must(err)
		most = max(most, reports)
	}
	if most != 256 { // a lot
		t.Errorf("%d reports are sent to newcomers in one turn", most)
	}
	p.run(2 * time.Second)
	told := func(least, most int) {
		t.Helper()
		for i, m := range all {
			if guests[i].keyed.session.Playing() && (m.reports < least || m.reports > most) {
				t.Fatalf("reader %d was told %d times, want %d to %d", i, m.reports, least, most)
			}
		}
	}
	told(1, 2)
	for n := range uint32(4) {
		publish(2 + n)
		p.run(time.Millisecond)
	}
	for i := 0; i < readers; i += 7 {
		guests[i].keyed.session.Gone("left")
	}
	p.run(25 * time.Second)
	told(2, 20)
	least := all[1].reports
	for i, m := range all {
		if guests[i].keyed.session.Playing() && (m.reports < least-1 || m.reports > least+1 || m.packets == 0) {
			t.Errorf("reader %d was told %d times of %d packets, the second one %d times", i, m.reports, m.packets, least)
		}
	}
}

// TestPrivateForms says what delays viewers are told: those that make no sense, or do not fit, become the nearest ones that do.
func TestPrivateForms(t *testing.T) {
	for _, c := range []struct {
		id       uint8
		min, max time.Duration
		want     sealfan.Form
	}{
		{0, 50 * time.Millisecond, 120 * time.Millisecond, sealfan.Form{PayloadType: 96}},
		{1, 50 * time.Millisecond, 120 * time.Millisecond, sealfan.Form{PayloadType: 96, PlayoutDelayID: 1, DelayMin: 5, DelayMax: 12}},
		{14, -time.Second, 59 * time.Millisecond, sealfan.Form{PayloadType: 96, PlayoutDelayID: 14, DelayMax: 5}},
		{5, time.Hour, 0, sealfan.Form{PayloadType: 96, PlayoutDelayID: 5, DelayMin: sealfan.MaxDelay, DelayMax: sealfan.MaxDelay}},
	} {
		form := cast.FormOf(cast.Private{PayloadType: 96, PlayoutDelayID: c.id, PlayoutDelay: cast.PlayoutDelay{Min: c.min, Max: c.max}})
		if form != c.want || form.Check() != nil {
			t.Errorf("%v to %v: %+v, want %+v", c.min, c.max, form, c.want)
		}
	}
}

// TestPrivateProfiles says what a front is told of streams of several kinds.
func TestPrivateProfiles(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	set := func(text string) []byte {
		b, err := hex.DecodeString(text)
		p.must(err)
		return b
	}
	pps, main, reorders := set("68ce3c80"), set("674d000af43132"), set("674d400aeca3136022000003000200000300641e244b2c")
	baseline := [3]byte{0x42, 0xe0, 0x1f}
	for i, c := range []struct {
		name string
		sets [][]byte
		want [3]byte
		ok   bool
	}{
		{"nothing", nil, baseline, true},
		{"empty", [][]byte{{}}, baseline, true},
		{"no sequence", [][]byte{pps}, baseline, true},
		{"behind another", [][]byte{{}, pps, main}, [3]byte{0x4d, 0, 0x0a}, true},
		{"one that is cut", [][]byte{main[:4], reorders}, baseline, true},
		{"B-frames", [][]byte{reorders}, baseline, false},
		{"B-frames of the second", [][]byte{main, reorders}, [3]byte{0x4d, 0, 0x0a}, true},
	} {
		params := *p.film.params
		params.ParameterSets = c.sets
		s, err := p.world.b.AddStream(fmt.Sprint("stream", i), nil, cast.StreamOptions{Params: &params})
		p.must(err)
		told, err := s.Private()
		if (err == nil) != c.ok || err == nil && told.ProfileLevelID != c.want {
			t.Errorf("%s: %x, %v", c.name, told.ProfileLevelID, err)
		}
	}
}
