package main

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/receive"
)

// peer sends a viewer's reader packets of its own making, while nothing else comes through.
type peer struct {
	*scene
	sequence  uint16
	timestamp uint32
}

// newPeer has a viewer watch, and the broadcaster's packets be lost from then on.
func newPeer(t *testing.T) *peer {
	p := &peer{scene: newScene(t)}
	p.watch(ways["join"])
	p.run(3 * time.Second)
	p.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Loss: 1})
	p.run(time.Second)
	return p
}

// frames sends a packet for each of so many frames: JPEG's main header and the rest.
func (p *peer) frames(count int, marked bool, payload ...byte) {
	for range count {
		packet := append([]byte{0x80, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, payload...)
		if marked {
			packet[1] |= 0x80
		}
		binary.BigEndian.PutUint16(packet[2:], p.sequence)
		binary.BigEndian.PutUint32(packet[4:], p.timestamp)
		p.sequence++
		p.timestamp += 9000
		p.viewer.readers[0].RTP(packet)
		p.run(100 * time.Millisecond)
	}
}

// TestPacketsThatCannotBeShown wants said why, once, within some seconds.
func TestPacketsThatCannotBeShown(t *testing.T) {
	for want, send := range map[string]func(*peer){
		"16-bit quantisation tables": func(p *peer) { p.frames(50, true, 0, 0, 0, 0, 1, 255, 4, 4, 0, 3, 0, 1, 7) },
		"type 5":                     func(p *peer) { p.frames(50, true, 0, 0, 0, 0, 5, 50, 4, 4, 1, 2, 3) },
		"a=x-dimensions":             func(p *peer) { p.frames(50, true, 0, 0, 0, 0, 1, 50, 0, 4, 1, 2, 3) },
		"Q 100, which is reserved":   func(p *peer) { p.frames(50, true, 0, 0, 0, 0, 1, 100, 4, 4, 1, 2, 3) },
		"ends one (marker)":          func(p *peer) { p.frames(50, false, 0, 0, 0, 0, 1, 50, 4, 4, 1, 2, 3) },
		"begins one (offset 0)":      func(p *peer) { p.frames(50, true, 0, 0, 0, 9, 1, 50, 4, 4, 1, 2, 3) },
		"lacks packets": func(p *peer) {
			for range 50 {
				p.sequence++
				p.frames(1, true, 0, 0, 0, 9, 1, 50, 4, 4, 1, 2, 3)
			}
		},
		"sequence numbers jump": func(p *peer) {
			p.frames(1, true, 0, 0, 0, 0, 1, 50, 4, 4, 1, 2, 3)
			for i := range uint16(50) {
				p.sequence = 20000 + i%2*10000
				p.frames(1, true, 0, 0, 0, 0, 1, 50, 4, 4, 1, 2, 3)
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			p := newPeer(t)
			send(p)
			if said := p.said.String(); strings.Count(said, "\n") != 1 || !containsAll(said, "packets come, but no picture: ", want) {
				t.Errorf("the viewer says %q, want one line with %q", said, want)
			}
		})
	}
}

// TestPicturesComeAgain has pictures end what is said, and their lack be said anew.
func TestPicturesComeAgain(t *testing.T) {
	p := newPeer(t)
	for range 2 {
		p.frames(30, true, 0, 0, 0, 0, 5, 50, 4, 4, 1, 2, 3)
		if p.viewer.unseen == nil {
			t.Error("it is not known why there is no picture")
		}
		p.frames(30, true, 0, 0, 0, 0, 1, 50, 4, 4, 1, 2, 3)
		if p.viewer.unseen != nil {
			t.Errorf("pictures come, and %v", p.viewer.unseen)
		}
	}
	if said := p.said.String(); strings.Count(said, "type 5") != 2 {
		t.Errorf("the viewer says %q", said)
	}
}

// TestRareFrames has a picture every three seconds, and nothing be said.
func TestRareFrames(t *testing.T) {
	p := newPeer(t)
	for range 10 {
		p.frames(1, true, 0, 0, 0, 0, 1, 50, 4, 4, 1, 2, 3)
		p.run(3 * time.Second)
	}
	if p.said.Len() > 0 {
		t.Errorf("the viewer says %q", p.said.String())
	}
}

// TestDescribedSize shows pictures whose packets have no size, as the server describes it.
func TestDescribedSize(t *testing.T) {
	p := newPeer(t)
	r := p.viewer.readers[0]
	r.Started(receive.Start{Width: 2592, Height: 1944})
	before := r.frames
	p.frames(10, true, 0, 0, 0, 0, 1, 50, 0, 0, 1, 2, 3)
	p.run(time.Second)
	if r.frames != before+10 || p.said.Len() > 0 {
		t.Errorf("%d pictures, want 10; the viewer says %q", r.frames-before, p.said.String())
	}
}

// TestNoRTP has packets come that are no RTP: it is said, too.
func TestNoRTP(t *testing.T) {
	p := newPeer(t)
	for range 15 {
		p.run(time.Second)
		if r := p.viewer.readers[0]; r.session != nil {
			r.RTP([]byte("anything but RTP"))
		}
	}
	if said := p.said.String(); !containsAll(said, errSilent.Error(), "that is RTP (", "other packets") {
		t.Errorf("the viewer says %q", said)
	}
}
