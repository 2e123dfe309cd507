package loop_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// outgoing is a batch of messages to be sent.
type outgoing struct {
	messages  []loop.Message
	addresses []loop.Address
	payloads  []loop.Vector
	cmsgs     []loop.Cmsg
}

// letter is one message of a batch.
type letter struct {
	to      netip.AddrPort
	payload []byte
	segment int
	source  netip.Addr
}

func pack(letters ...letter) *outgoing {
	n := len(letters)
	o := &outgoing{make([]loop.Message, n), make([]loop.Address, n), make([]loop.Vector, n), make([]loop.Cmsg, n)}
	for i, l := range letters {
		o.addresses[i].Set(l.to)
		o.payloads[i].Set(l.payload)
		o.cmsgs[i].Set(l.segment, l.source)
		o.messages[i].Point(&o.addresses[i], &o.payloads[i], &o.cmsgs[i])
	}
	return o
}

func (w *world) sendTo(fd int, letters ...letter) (int, error) {
	return w.kernel.Sendmmsg(fd, pack(letters...).messages)
}

func (w *world) mustSend(fd int, letters ...letter) {
	w.Helper()
	if n, err := w.sendTo(fd, letters...); n != len(letters) || err != nil {
		w.Fatalf("sent %d of %d: %v", n, len(letters), err)
	}
}

// got is a datagram as it was received.
type got struct {
	payload   string
	from      netip.AddrPort
	to        netip.Addr
	truncated bool
}

// receive takes up to count datagrams with room for so many bytes each.
func (w *world) receive(fd, count, room int) (all []got, err error) {
	messages := make([]loop.Message, count)
	addresses := make([]loop.Address, count)
	payloads := make([]loop.Vector, count)
	cmsgs := make([]loop.Cmsg, count)
	for i := range messages {
		payloads[i].Set(make([]byte, room))
		messages[i].Receive(&addresses[i], &payloads[i], &cmsgs[i])
	}
	n, err := w.kernel.Recvmmsg(fd, messages)
	for i := range messages[:n] {
		m := &messages[i]
		all = append(all, got{string(m.Received()), m.Peer(), m.LocalAddress(), m.Truncated()})
	}
	return all, err
}

// collect receives exactly count datagrams.
func (w *world) collect(fd, count, room int) (all []got) {
	w.Helper()
	for len(all) < count {
		w.await(fd, loop.Readable)
		more, err := w.receive(fd, count+1-len(all), room)
		w.check(err)
		all = append(all, more...)
	}
	if _, err := w.receive(fd, 1, room); len(all) != count || err != unix.EAGAIN {
		w.Fatalf("%d datagrams received, then %v; want %d and no more", len(all), err, count)
	}
	return all
}

func TestDatagrams(t *testing.T) {
	for _, local := range []string{"127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"} {
		t.Run(local, func(t *testing.T) {
			onBoth(t, func(w *world) {
				a, from := w.udp(local, loop.UDPOptions{})
				b, to := w.udp(local, loop.UDPOptions{PacketInfo: true})
				_, err := w.receive(b, 1, 10)
				w.wantErr(err, unix.EAGAIN)
				if c := w.conditionsOf(b); c != loop.Writable {
					w.Errorf("an idle socket: %#x, want Writable", c)
				}
				w.mustSend(a, letter{to: to, payload: []byte("one")}, letter{to: to}, letter{to: to, payload: []byte("three")})
				ip := to.Addr()
				want := []got{{"one", from, ip, false}, {"", from, ip, false}, {"thr", from, ip, true}}
				for i, g := range w.collect(b, 3, 3) {
					if g != want[i] {
						w.Errorf("datagram %d: %+v, want %+v", i, g, want[i])
					}
				}
			})
		})
	}
}

func TestSegmentation(t *testing.T) {
	run := make([]byte, 64*100)
	for i := range run {
		run[i] = byte(i / 100)
	}
	tests := map[string]struct {
		bytes, segment int
		want           []int
	}{
		"even":                {300, 100, []int{100, 100, 100}},
		"last one shorter":    {250, 100, []int{100, 100, 50}},
		"just one":            {100, 100, []int{100}},
		"shorter than one":    {50, 100, []int{50}},
		"empty":               {0, 100, []int{0}},
		"not segmented":       {250, 0, []int{250}},
		"as many as there be": {6400, 100, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
				b, to := w.udp("127.0.0.1:0", loop.UDPOptions{})
				if !w.kernel.CanSegment(a) {
					w.Fatal("this kernel does not segment UDP: Linux 4.18 does")
				}
				want := test.want
				for want == nil || len(want) < test.bytes/max(test.segment, 1) && test.segment > 0 {
					want = append(want, test.segment)
				}
				w.mustSend(a, letter{to: to, payload: run[:test.bytes], segment: test.segment})
				at := 0
				for i, g := range w.collect(b, len(want), 2000) {
					if len(g.payload) != want[i] || g.payload != string(run[at:at+want[i]]) {
						w.Errorf("datagram %d has %d bytes, or the wrong ones; want %d", i, len(g.payload), want[i])
					}
					at += want[i]
				}
			})
		})
	}
}

// The error of a batch is that of the first message not taken, and is told only if it
// is the first of all.
func TestSendErrors(t *testing.T) {
	long := make([]byte, 65536)
	onBoth(t, func(w *world) {
		a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		six, _ := w.udp("[::1]:0", loop.UDPOptions{})
		_, to := w.udp("127.0.0.1:0", loop.UDPOptions{ReceiveBufferBytes: 1 << 20})
		_, to6 := w.udp("[::1]:0", loop.UDPOptions{ReceiveBufferBytes: 1 << 20})
		tests := map[string]struct {
			fd   int
			bad  letter
			want error
		}{
			"longer than IP":         {a, letter{to: to, payload: long[:65508]}, unix.EMSGSIZE},
			"longer than UDP":        {a, letter{to: to, payload: long}, unix.EMSGSIZE},
			"longer than IPv6":       {six, letter{to: to6, payload: long[:65528]}, unix.EMSGSIZE},
			"too many segments":      {a, letter{to: to, payload: long[:129], segment: 1}, unix.EINVAL},
			"no address":             {a, letter{payload: long[:1]}, unix.EDESTADDRREQ},
			"no port":                {a, letter{to: netip.AddrPortFrom(to.Addr(), 0), payload: long[:1]}, unix.EINVAL},
			"IPv6 from IPv4":         {a, letter{to: to6, payload: long[:1]}, unix.EAFNOSUPPORT},
			"IPv4 from IPv6":         {six, letter{to: to, payload: long[:1]}, unix.ENETUNREACH},
			"a source not our own":   {a, letter{to: to, payload: long[:1], source: netip.MustParseAddr("203.0.113.9")}, unix.ENETUNREACH},
			"a source not our own 6": {six, letter{to: to6, payload: long[:1], source: netip.MustParseAddr("2001:db8::99")}, unix.EINVAL},
		}
		for name, test := range tests {
			good := letter{to: to, payload: []byte("good")}
			if test.fd == six {
				good.to = to6
			}
			batch := pack(good, test.bad, good)
			if n, err := w.kernel.Sendmmsg(test.fd, batch.messages); n != 1 || err != nil {
				w.Errorf("%s: batch sent %d, %v; want 1 and no error", name, n, err)
			}
			if n, err := w.kernel.Sendmmsg(test.fd, batch.messages[1:]); n != 0 || err != test.want && !(name == "a source not our own" && err == unix.EINVAL) { // older kernels
				w.Errorf("%s: sent %d, %v; want 0 and the bare %v", name, n, err, test.want)
			}
			if n, err := w.kernel.Sendmmsg(test.fd, batch.messages[2:]); n != 1 || err != nil {
				w.Errorf("%s: after it, sent %d, %v", name, n, err)
			}
		}
		w.mustSend(a, letter{to: to, payload: long[:65507]})
		w.mustSend(six, letter{to: to6, payload: long[:65527]})
		if n, err := w.kernel.Sendmmsg(a, nil); n != 0 || err != nil {
			w.Errorf("an empty batch: %d, %v", n, err)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	onBoth(t, func(w *world) {
		a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		b, to := w.udp("127.0.0.1:0", loop.UDPOptions{})
		w.check(w.kernel.CloseFD(b))
		// An unconnected socket is not told.
		for range 3 {
			w.mustSend(a, letter{to: to, payload: []byte("x")})
		}
		w.check(w.kernel.SocketError(a))
	})
}

func TestAnswersLeaveFromTheAddressAsked(t *testing.T) {
	onBoth(t, func(w *world) {
		server, all := w.udp("0.0.0.0:0", loop.UDPOptions{PacketInfo: true})
		client, from := w.udp("127.0.0.1:0", loop.UDPOptions{})
		asked := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.7"), all.Port())
		w.mustSend(client, letter{to: asked, payload: []byte("question")})
		q := w.collect(server, 1, 100)[0]
		if q.to != asked.Addr() || q.from != from {
			w.Errorf("received for %v from %v, want for %v from %v", q.to, q.from, asked.Addr(), from)
		}
		w.mustSend(server, letter{to: q.from, payload: []byte("answer"), source: q.to}, letter{to: q.from, payload: []byte("other")})
		answers := w.collect(client, 2, 100)
		if answers[0].from != asked {
			w.Errorf("the answer comes from %v, want %v", answers[0].from, asked)
		}
		if want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), all.Port()); answers[1].from != want {
			w.Errorf("without a source it comes from %v, want %v", answers[1].from, want)
		}
		if answers[0].to.IsValid() {
			w.Errorf("a socket without PacketInfo was told %v", answers[0].to)
		}
	})
}

// The address of a received message can be used to answer at once.
func TestReceivedAddressCanBeAnswered(t *testing.T) {
	onBoth(t, func(w *world) {
		for _, local := range []string{"127.0.0.1:0", "[::1]:0"} {
			server, to := w.udp(local, loop.UDPOptions{PacketInfo: true})
			client, _ := w.udp(local, loop.UDPOptions{})
			w.mustSend(client, letter{to: to, payload: []byte("echo")})
			w.await(server, loop.Readable)
			var messages [1]loop.Message
			var peer loop.Address
			var payload loop.Vector
			var cmsg loop.Cmsg
			payload.Set(make([]byte, 4))
			messages[0].Receive(&peer, &payload, &cmsg)
			_, err := w.kernel.Recvmmsg(server, messages[:])
			w.check(err)
			messages[0].Point(&peer, &payload, nil)
			if n, err := w.kernel.Sendmmsg(server, messages[:]); n != 1 || err != nil {
				w.Fatalf("%s: sent %d, %v", local, n, err)
			}
			if g := w.collect(client, 1, 100)[0]; g.payload != "echo" || g.from != to {
				w.Errorf("%s: %+v", local, g)
			}
		}
	})
}

func TestBinding(t *testing.T) {
	onBoth(t, func(w *world) {
		open := func(local string, port uint16, o loop.UDPOptions) error {
			fd, err := w.kernel.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr(local), port), o)
			if err == nil {
				w.bound(fd)
			}
			return err
		}
		_, taken := w.udp("127.0.0.1:0", loop.UDPOptions{})
		w.wantErr(open("127.0.0.1", taken.Port(), loop.UDPOptions{}), unix.EADDRINUSE)
		w.wantErr(open("0.0.0.0", taken.Port(), loop.UDPOptions{}), unix.EADDRINUSE)
		w.wantErr(open("127.0.0.1", taken.Port(), loop.UDPOptions{ReuseAddress: true}), unix.EADDRINUSE)
		w.check(open("127.0.0.2", taken.Port(), loop.UDPOptions{}))
		_, all := w.udp("0.0.0.0:0", loop.UDPOptions{})
		w.wantErr(open("127.0.0.1", all.Port(), loop.UDPOptions{}), unix.EADDRINUSE)
		w.check(open("::", all.Port(), loop.UDPOptions{})) // the other family stands beside it
		_, shared := w.udp("127.0.0.1:0", loop.UDPOptions{ReuseAddress: true})
		w.check(open("127.0.0.1", shared.Port(), loop.UDPOptions{ReuseAddress: true}))
		w.wantErr(open("203.0.113.9", 0, loop.UDPOptions{}), unix.EADDRNOTAVAIL)
		fd, err := w.kernel.OpenUDP(netip.AddrPort{}, loop.UDPOptions{}) // none is any
		w.check(err)
		if at := w.bound(fd); at.Addr() != netip.IPv6Unspecified() || at.Port() == 0 {
			w.Errorf("without an address bound to %v", at)
		}
		if err := open("127.0.0.1", 0, loop.UDPOptions{MulticastInterface: "nowhere"}); err == nil {
			w.Error("no error for an interface that does not exist")
		}
		w.check(open("127.0.0.1", 0, loop.UDPOptions{MulticastInterface: "lo", MulticastTTL: 3}))
		w.check(open("::1", 0, loop.UDPOptions{MulticastInterface: "lo", MulticastTTL: 3, PacketInfo: true}))
	})
}

// A specific address goes before the wildcard when both are bound with SO_REUSEADDR.
func TestTheMoreSpecificSocketReceives(t *testing.T) {
	onBoth(t, func(w *world) {
		o := loop.UDPOptions{ReuseAddress: true}
		all, at := w.udp("0.0.0.0:0", o)
		one, err := w.kernel.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port()), o)
		w.check(err)
		to := w.bound(one)
		a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		w.mustSend(a, letter{to: to, payload: []byte("one")})
		w.mustSend(a, letter{to: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), at.Port()), payload: []byte("all")})
		if g := w.collect(one, 1, 10)[0]; g.payload != "one" {
			w.Errorf("the specific one got %q", g.payload)
		}
		if g := w.collect(all, 1, 10)[0]; g.payload != "all" {
			w.Errorf("the wildcard got %q", g.payload)
		}
	})
}

// A socket beside another one shares its port, and nobody else can.
func TestBeside(t *testing.T) {
	onBoth(t, func(w *world) {
		all, at := w.udp("0.0.0.0:0", loop.UDPOptions{})
		loopback := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
		one, err := w.kernel.OpenUDP(loopback, loop.UDPOptions{Beside: all})
		w.check(err)
		w.bound(one)
		for _, local := range []netip.AddrPort{at, loopback, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), at.Port())} {
			_, err := w.kernel.OpenUDP(local, loop.UDPOptions{ReuseAddress: true})
			w.wantErr(err, unix.EADDRINUSE)
		}
		a, from := w.udp("127.0.0.1:0", loop.UDPOptions{})
		w.mustSend(a, letter{to: loopback, payload: []byte("one")})
		w.mustSend(a, letter{to: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), at.Port()), payload: []byte("all")})
		if g := w.collect(one, 1, 10)[0]; g.payload != "one" {
			w.Errorf("the specific one got %q", g.payload)
		}
		if g := w.collect(all, 1, 10)[0]; g.payload != "all" {
			w.Errorf("the wildcard got %q", g.payload)
		}
		w.mustSend(one, letter{to: from, payload: []byte("back")})
		if g := w.collect(a, 1, 10)[0]; g.payload != "back" || g.from != loopback {
			w.Errorf("%q came from %v, want it from %v", g.payload, g.from, loopback)
		}
		_, err = w.kernel.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), at.Port()), loop.UDPOptions{Beside: all})
		w.wantErr(err, unix.EADDRNOTAVAIL)
		third, err := w.kernel.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.4"), at.Port()), loop.UDPOptions{Beside: all})
		w.check(err) // a failure leaves no trace
		w.bound(third)
	})
}

func TestReceiveBufferOverflows(t *testing.T) {
	onBoth(t, func(w *world) {
		a, _ := w.udp("127.0.0.1:0", loop.UDPOptions{})
		b, to := w.udp("127.0.0.1:0", loop.UDPOptions{ReceiveBufferBytes: 20_000})
		const sent = 200
		for i := range sent {
			w.mustSend(a, letter{to: to, payload: bytes.Repeat([]byte{byte(i)}, 1000)})
		}
		all, err := w.receive(b, sent, 1000)
		w.check(err)
		if len(all) < 5 || len(all) > 100 {
			w.Errorf("%d datagrams of %d kept in 20 kB", len(all), sent)
		}
		for i, g := range all {
			if g.payload[0] != byte(i) {
				w.Fatalf("datagram %d is number %d: it is the newest that are to be dropped", i, g.payload[0])
			}
		}
		w.mustSend(a, letter{to: to, payload: []byte("room again")})
		if g := w.collect(b, 1, 1000)[0]; g.payload != "room again" {
			w.Errorf("after it: %q", g.payload[:10])
		}
	})
}
