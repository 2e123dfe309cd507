package loop_test

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/camcast/camcast/loop"
)

func TestAddressRoundTrip(t *testing.T) {
	tests := map[string]string{ // what is set, what is got
		"192.0.2.1:5004":             "192.0.2.1:5004",
		"0.0.0.0:0":                  "0.0.0.0:0",
		"255.255.255.255:65535":      "255.255.255.255:65535",
		"[2001:db8::1]:5004":         "[2001:db8::1]:5004",
		"[::]:258":                   "[::]:258",
		"[fe80::1%3]:5004":           "[fe80::1%3]:5004",
		"[fe80::1%4294967295]:1":     "[fe80::1%4294967295]:1",
		"[fe80::1%eth0]:5004":        "[fe80::1]:5004",
		"[fe80::1%4294967296]:1":     "[fe80::1%4294967295]:1", // ParseUint's answer to what is too large
		"[::ffff:192.0.2.1]:5004":    "192.0.2.1:5004",
		"[ff02::fb%2]:5353":          "[ff02::fb%2]:5353",
		"[::ffff:127.0.0.1%lo]:1234": "127.0.0.1:1234",
	}
	var a loop.Address
	for set, want := range tests {
		a.Set(netip.MustParseAddrPort(set))
		if got := a.AddrPort().String(); got != want {
			t.Errorf("%s became %s, want %s", set, got, want)
		}
	}
	a.Set(netip.AddrPort{})
	if got := a.AddrPort(); got.IsValid() {
		t.Errorf("no address became %v", got)
	}
}

func FuzzAddress(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(5004), uint32(0))
	f.Add([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, uint16(1), uint32(7))
	f.Fuzz(func(t *testing.T, ip []byte, port uint16, zone uint32) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		addr = addr.Unmap()
		if addr.Is6() && zone != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(zone), 10))
		}
		want := netip.AddrPortFrom(addr, port)
		var a loop.Address
		a.Set(want)
		if got := a.AddrPort(); got != want {
			t.Errorf("%v became %v", want, got)
		}
	})
}

func TestCmsgRoundTrip(t *testing.T) {
	sources := map[string]netip.Addr{
		"none": {}, "v4": netip.MustParseAddr("192.0.2.1"), "v6": netip.MustParseAddr("2001:db8::1"),
		"mapped": netip.MustParseAddr("::ffff:192.0.2.1"),
	}
	for name, source := range sources {
		for _, segment := range []int{0, 1, 1400, 65535} {
			var c loop.Cmsg
			c.Set(999, netip.MustParseAddr("::9")) // to be replaced whole
			c.Set(segment, source)
			if c.SegmentBytes() != segment || c.Address() != source.Unmap() {
				t.Errorf("%s, %d: got %d from %v", name, segment, c.SegmentBytes(), c.Address())
			}
			m, peer, payload := loop.Message{}, loop.Address{}, loop.Vector{}
			peer.Set(netip.MustParseAddrPort("192.0.2.9:7"))
			payload.Set([]byte("payload"))
			c.Mark(0xca510007)
			m.Point(&peer, &payload, &c)
			if m.Mark() != 0xca510007 {
				t.Errorf("%s, %d: the message has the mark %#x", name, segment, m.Mark())
			}
			if m.SegmentBytes() != segment || m.LocalAddress() != source.Unmap() || m.Peer().Port() != 7 || string(m.Payload()) != "payload" {
				t.Errorf("%s, %d: the message says %d from %v to %v", name, segment, m.SegmentBytes(), m.LocalAddress(), m.Peer())
			}
			m.PointCmsg(nil)
			if m.SegmentBytes() != 0 || m.LocalAddress().IsValid() {
				t.Errorf("%s, %d: without a cmsg it says %d, %v", name, segment, m.SegmentBytes(), m.LocalAddress())
			}
		}
	}
}

func TestZeroMessage(t *testing.T) {
	var m loop.Message
	if m.Peer().IsValid() || m.LocalAddress().IsValid() || m.SegmentBytes() != 0 || m.Mark() != 0 || m.Truncated() {
		t.Error("a message that points at nothing says something")
	}
}

func TestMessagesShareWhatTheyPointAt(t *testing.T) {
	var messages [3]loop.Message
	var peers [3]loop.Address
	var payload loop.Vector
	var cmsg loop.Cmsg
	cmsg.Set(1, netip.Addr{})
	for i := range messages {
		peers[i].Set(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1))
		messages[i].Point(&peers[i], &payload, &cmsg)
	}
	payload.Set([]byte("abcdef"))
	cmsg.Set(2, netip.Addr{})
	for i := range messages {
		if m := &messages[i]; string(m.Payload()) != "abcdef" || m.SegmentBytes() != 2 || m.Peer() != peers[i].AddrPort() {
			t.Errorf("message %d: %q by %d to %v", i, m.Payload(), m.SegmentBytes(), m.Peer())
		}
	}
	if payload.Len() != 6 || string(payload.Bytes()) != "abcdef" {
		t.Errorf("vector %d, %q", payload.Len(), payload.Bytes())
	}
}

func TestDeliver(t *testing.T) {
	var m loop.Message
	var peer loop.Address
	var payload loop.Vector
	var cmsg loop.Cmsg
	payload.Set(make([]byte, 4))
	m.Receive(&peer, &payload, &cmsg)
	copy(m.Payload(), "abcd")
	from, to := netip.MustParseAddrPort("192.0.2.1:9"), netip.MustParseAddr("192.0.2.2")
	m.Deliver(from, to, 3, true)
	if string(m.Received()) != "abc" || m.Peer() != from || m.LocalAddress() != to || !m.Truncated() {
		t.Errorf("%q from %v to %v, truncated %v", m.Received(), m.Peer(), m.LocalAddress(), m.Truncated())
	}
	m.Receive(&peer, &payload, nil)
	m.Deliver(from, to, 4, false)
	if m.LocalAddress().IsValid() || m.Truncated() {
		t.Errorf("without a cmsg: %v, truncated %v", m.LocalAddress(), m.Truncated())
	}
}

func TestInterest(t *testing.T) {
	both := loop.Readable | loop.Writable
	if !both.Has(loop.Readable) || !both.Has(both) || loop.Readable.Has(both) || !both.Has(0) {
		t.Error("Has is not about subsets")
	}
}
