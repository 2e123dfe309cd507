package webrtc

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// TestCandidates says where the server is.
func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		rtp, local string
		public     []string
		want       string
	}{
		{"[::]:5004", "192.0.2.1", nil, "[192.0.2.1:5004]"}, {"[::]:5004", "2001:db8::1", nil, "[[2001:db8::1]:5004]"},
		{"[::]:5004", "::ffff:192.0.2.1", []string{"203.0.113.1:0", "[2001:db8::2]:7000"}, "[192.0.2.1:5004 203.0.113.1:5004 [2001:db8::2]:7000]"},
		{"0.0.0.0:5004", "2001:db8::1", nil, "[]"}, {"0.0.0.0:5004", "2001:db8::1", []string{"203.0.113.1:0"}, "[203.0.113.1:5004]"},
		{"192.0.2.1:5004", "127.0.0.1", nil, "[192.0.2.1:5004]"},
		{"[::]:5004", "127.0.0.1", []string{"203.0.113.1:0"}, "[127.0.0.1:5004 192.0.2.1:5004 [2001:db8::1]:5004 203.0.113.1:5004]"},
		{"0.0.0.0:5004", "::1", nil, "[192.0.2.1:5004]"},
		{"[::]:5004", "", nil, "[192.0.2.1:5004 [2001:db8::1]:5004]"}, {"0.0.0.0:5004", "", []string{"203.0.113.1:0"}, "[192.0.2.1:5004 203.0.113.1:5004]"}, // not known
		{"192.0.2.1:5004", "", nil, "[192.0.2.1:5004]"},
		{"[::]:5004", "192.0.2.1", []string{"192.0.2.1:0", "203.0.113.1:0", "203.0.113.1:5004"}, "[192.0.2.1:5004 203.0.113.1:5004]"}, // each once
		{"[::]:5004", "192.0.2.1", []string{"192.0.2.1:0", "192.0.2.1:6004", "192.0.2.1:5004"}, "[192.0.2.1:5004 192.0.2.1:6004]"},
	} {
		w := newStage(t, func(o *cast.Config) { o.RTP = netip.MustParseAddrPort(c.rtp) })
		w.s.options.MachineAddresses = []netip.Addr{serverAt, netip.MustParseAddr("2001:db8::1")}
		for _, text := range c.public {
			w.s.options.PublicAddresses = append(w.s.options.PublicAddresses, netip.MustParseAddrPort(text))
		}
		var local netip.Addr
		if c.local != "" {
			local = netip.MustParseAddr(c.local)
		}
		if got := fmt.Sprint(w.s.candidates(local)); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestMachineAddresses has a machine with many addresses, of which RTP has those of IPv4.
func TestMachineAddresses(t *testing.T) {
	w := newStage(t, func(o *cast.Config) { o.RTP = netip.MustParseAddrPort("0.0.0.0:5004") })
	for i := range byte(10) {
		w.s.options.MachineAddresses = append(w.s.options.MachineAddresses, netip.AddrFrom16([16]byte{0x20, 1, 15: i}))
	}
	for i := range byte(10) {
		w.s.options.MachineAddresses = append(w.s.options.MachineAddresses, netip.AddrFrom4([4]byte{192, 0, 2, i}))
	}
	want := "[127.0.0.1:5004 192.0.2.0:5004 192.0.2.1:5004 192.0.2.2:5004 192.0.2.3:5004]"
	if got := fmt.Sprint(w.s.candidates(netip.MustParseAddr("127.0.0.1"))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestNoCandidate has an offer come by IPv6, where RTP has IPv4 alone, and one whose address is not known: neither is answered by
// an address that is none.
func TestNoCandidate(t *testing.T) {
	for _, c := range []struct {
		rtp   string
		local netip.AddrPort
		says  string
	}{
		{"0.0.0.0:5004", netip.MustParseAddrPort("[2001:db8::1]:8080"), "came by IPv6"},
		{"0.0.0.0:5004", netip.AddrPort{}, "not known"}, {"[::]:5004", netip.AddrPort{}, "not known"},
	} {
		w := newStage(t, func(o *cast.Config) { o.RTP = netip.MustParseAddrPort(c.rtp) })
		if _, _, ok := w.b.RTPPorts(netip.Addr{}); ok {
			t.Errorf("%s: RTP is sent from a port to no address", c.rtp)
		}
		r := cast.Request{Protocol: cast.WebRTC, Peer: netip.MustParseAddrPort("[2001:db8::7]:55555"), Local: c.local}
		_, _, answer, err := w.s.Open(w.cam, r, cast.Grant{}, offerOf(t), cast.PlayoutDelay{})
		if err == nil || cast.RefusalOf(err).Kind != cast.NotCarried || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--public-address") {
			t.Errorf("%+v: %v, %s", c, err, answer)
		}
	}
}

// TestRefusals has sessions not be opened.
func TestRefusals(t *testing.T) {
	w := newStage(t, func(c *cast.Config) { c.MaxConnectionsPerAddress = 3 })
	for range 3 {
		if _, err := w.open(netip.AddrPortFrom(viewerAt.Addr(), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.open(netip.AddrPortFrom(viewerAt.Addr(), 0)); err == nil || cast.RefusalOf(err).Kind != cast.AddressLimitReached {
		t.Errorf("the fourth of an address: %v", err)
	}
	for s := range w.b.Sessions() {
		s.End("kicked")
	}
	if len(w.s.byID) > 0 {
		t.Errorf("%d are left", len(w.s.byID))
	}
	cam := w.cam
	var err error
	if w.cam, err = w.b.AddStream("jpeg", nil, cast.StreamOptions{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(viewerAt); err == nil || cast.RefusalOf(err).Kind != cast.NotCarried {
		t.Errorf("JPEG: %v", err)
	}
	w.cam = cam
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(viewerAt); !errors.Is(err, cast.ErrClosed) {
		t.Errorf("a server that is closed: %v", err)
	}
	bare, err := cast.New(w.l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, err := Serve(bare, Options{DTLS: w}); err == nil {
		t.Error("it is served without RTP")
	}
}

// TestNames has nothing of a session be guessed from another part of it.
func TestNames(t *testing.T) {
	w := newStage(t, nil)
	seen := map[string]bool{}
	for i := range 50 {
		g := w.join(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 40000))
		for _, text := range []string{g.name, g.tag, g.ufrag, g.password} {
			if seen[text] || len(text) < 22 {
				t.Errorf("%q", text)
			}
			seen[text] = true
		}
	}
}
