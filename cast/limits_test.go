package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/join"
)

// TestLimitsOfReaders has readers come up to each limit, over each protocol, and one more.
func TestLimitsOfReaders(t *testing.T) {
	for _, c := range []struct {
		name        string
		total, each int
		addresses   []string // of readers who are admitted
		other       string   // of one who is not
		welcome     string   // of one who is, after that
		says        string
		reason      join.Reason
	}{
		{"total", 3, 0, []string{"10.0.1.1", "10.0.1.2", "10.0.1.2"}, "10.0.1.3", "", "max_readers=3", join.Full},
		{"of one address", 0, 2, []string{"10.0.1.1", "10.0.1.1", "10.0.1.2"}, "10.0.1.1", "10.0.1.2", "max_readers_per_address=2", join.AddressFull},
		{"of a /64", 0, 2, []string{"2001:db8:1::1", "2001:db8:1::ffff:0:0:1"}, "2001:db8:1::3", "2001:db8:1:1::1", "max_readers_per_address=2", join.AddressFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLimitedWorld(t, func(config *cast.Config) { config.MaxReaders, config.MaxReadersPerAddress = c.total, c.each })
			var all []*viewer
			for i, address := range c.addresses {
				all = append(all, w.watchFrom(address, i%2 == 0))
			}
			refused := w.connectFrom(c.other)
			for _, setup := range []func() int{refused.setupUDP, refused.setupTCP} {
				if status := setup(); status != 453 {
					t.Errorf("one more: %d, want 453", status)
				}
				if head := refused.answers[len(refused.answers)-1]; !strings.HasPrefix(head, "RTSP/1.0 453 Not Enough Bandwidth: limit reached ("+c.says+")\r\n") {
					t.Errorf("answered by %s", head)
				}
			}
			j := w.joinsAt(netip.AddrPortFrom(netip.MustParseAddr(c.other), 7000).String(), netip.AddrPortFrom(w.serverFor(c.other), 5004), "cam")
			w.run(100 * time.Millisecond)
			if refusal, ok := errors.AsType[*join.RefusedError](j.err); !ok || refusal.Reason != c.reason {
				t.Errorf("one more who joins: %v, want reason %d", j.err, c.reason)
			}
			if c.welcome != "" {
				w.watchFrom(c.welcome, true)
			}
			if !strings.Contains(w.log.String(), `msg="reader refused: limit reached (`+c.says+`)"`) {
				t.Error("the log does not say which limit was reached")
			}
			if status, _ := all[0].ask("TEARDOWN", streamURL, ""); status != 200 {
				t.Fatalf("TEARDOWN: %d", status)
			}
			w.watchFrom(c.other, false)
		})
	}
}

// TestJoiningNeedsNoConnection has others take all connections: those who join are served all the same.
func TestJoiningNeedsNoConnection(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxConnections = 2 })
	w.connect("10.0.1.1")
	w.connect("10.0.1.2")
	j := w.joins("10.0.1.3:7000", "cam")
	w.run(time.Second)
	if j.client.Accepted() == nil || j.frames < 20 {
		t.Errorf("accepted: %v, %d frames; %v", j.client.Accepted(), j.frames, j.err)
	}
	if n := cast.Counts(w.b).Connections; n != 2 {
		t.Errorf("%d connections", n)
	}
	late := w.connect("10.0.1.4")
	if w.run(10 * time.Millisecond); !late.conn.Ended() {
		t.Error("one more connection is taken")
	}
}

// newLimitedWorld is a world of both address families.
func newLimitedWorld(t *testing.T, change func(*cast.Config)) *world {
	return newWorldAt(t, 1, []netip.Addr{serverAddr, server6Addr}, func(c *cast.Config) {
		c.RTP = netip.MustParseAddrPort("[::]:5004")
		change(c)
	})
}

// serverFor is the server's address of a peer's family.
func (w *world) serverFor(ip string) netip.Addr {
	if netip.MustParseAddr(ip).Is6() {
		return server6Addr
	}
	return serverAddr
}

func (w *world) connectFrom(ip string) *viewer {
	w.t.Helper()
	return w.connectTo(ip, netip.AddrPortFrom(w.serverFor(ip), 8554))
}

// watchFrom has a reader of either family play.
func (w *world) watchFrom(ip string, tcp bool) *viewer {
	w.t.Helper()
	v := w.connectFrom(ip)
	setup := v.setupUDP
	if tcp {
		setup = v.setupTCP
	}
	if status := setup(); status != 200 {
		w.t.Fatalf("SETUP from %s: %d", ip, status)
	}
	v.play()
	return v
}

// TestPlayAtTheLimit has more set up than may play: the last to play is refused, and may play
// when another one has gone.
func TestPlayAtTheLimit(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 2 })
	var all [3]*viewer
	for i := range all {
		all[i] = w.connect(fmt.Sprintf("10.0.1.%d", i+1))
		if status := all[i].setupUDP(); status != 200 {
			t.Fatalf("SETUP: %d", status)
		}
	}
	all[0].play()
	all[1].play()
	status, head := all[2].ask("PLAY", streamURL, "")
	if status != 453 || !strings.Contains(head, "limit reached (max_readers=2)") {
		t.Errorf("PLAY at the limit is answered by %s", head)
	}
	if status, _ := all[0].ask("PAUSE", streamURL, ""); status != 200 {
		t.Fatalf("PAUSE: %d", status)
	}
	all[2].play()
	if status, _ := all[0].ask("PLAY", streamURL, ""); status != 453 {
		t.Errorf("PLAY again at the limit: %d, want 453", status)
	}
	w.run(time.Second)
	all[1].row(29)
	all[2].row(29)
}

// TestSetupPlayAndHangUp has one host set up, play and hang up again and again: readers over UDP
// count for as long as they are sent to.
func TestSetupPlayAndHangUp(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReadersPerAddress = 8 })
	w.watch("10.0.2.1", false)
	refused := 0
	for range 100 {
		v := w.connect("10.0.1.1")
		if status := v.setupUDP(); status == 200 {
			v.play()
		} else if status == 453 {
			refused++
		}
		v.conn.Close()
		w.run(4 * time.Millisecond)
		if n := w.b.Readers(); n > 9 {
			t.Fatalf("%d readers", n)
		}
	}
	if w.b.Readers() != 9 || refused != 92 {
		t.Errorf("%d readers, %d refused; want 9 and 92", w.b.Readers(), refused)
	}
	w.run(70 * time.Second)
	if n := w.b.Readers(); n != 0 {
		t.Errorf("%d readers after the timeout", n)
	}
	w.watch("10.0.1.1", false)
}

// TestSetUpAndNotPlaying has sessions that never play: they take no reader's place, whatever the
// client sends, and end ten seconds after SETUP.
func TestSetUpAndNotPlaying(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 1 })
	idle := make([]*viewer, 4)
	for i := range idle {
		idle[i] = w.connect(fmt.Sprintf("10.0.1.%d", i+1))
		setup := idle[i].setupUDP
		if i%2 == 1 {
			setup = idle[i].setupTCP
		}
		if status := setup(); status != 200 {
			t.Fatalf("SETUP %d: %d", i, status)
		}
	}
	if w.b.Readers() != 0 || sessions(w) != 4 {
		t.Errorf("%d readers, %d sessions; want 0 and 4", w.b.Readers(), sessions(w))
	}
	reader := w.watch("10.0.2.1", false)
	began := w.l.Now()
	idle[0].conn.Close()
	for w.l.Now() < began+cast.SetupTimeout-time.Second {
		w.run(time.Second)
		for _, v := range idle[1:] {
			if status, _ := v.ask("GET_PARAMETER", streamURL, ""); status != 200 {
				t.Fatalf("GET_PARAMETER: %d", status)
			}
		}
	}
	if n := sessions(w); n != 5 {
		t.Errorf("%d sessions before the time is over, want 5", n)
	}
	w.run(time.Second)
	if n := sessions(w); n != 1 {
		t.Errorf("%d sessions after it, want the one that plays", n)
	}
	if status, _ := idle[2].ask("PLAY", streamURL, ""); status != 454 {
		t.Errorf("PLAY after it: %d, want 454", status)
	}
	reader.row(9 * framesPerSecond)
	if strings.Contains(w.log.String(), "reader left") {
		t.Error("one has left that was never there")
	}
}

// TestLimitsOfConnections has connections, and sessions that are set up, come up to each limit.
func TestLimitsOfConnections(t *testing.T) {
	for _, c := range []struct {
		name        string
		total, each int
		admitted    []string
		other, says string
	}{
		{"total", 3, cast.NoLimit, []string{"10.0.1.1", "10.0.1.2", "10.0.1.2"}, "10.0.1.3", "max_connections=3"},
		{"of one address", cast.NoLimit, 2, []string{"10.0.1.1", "10.0.1.2", "10.0.1.1"}, "10.0.1.1", "max_connections_per_address=2"},
		{"of a /64", cast.NoLimit, 2, []string{"2001:db8:1::1", "2001:db8:1:1::1", "2001:db8:1::2"}, "2001:db8:1::3", "max_connections_per_address=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLimitedWorld(t, func(config *cast.Config) { config.MaxConnections, config.MaxConnectionsPerAddress = c.total, c.each })
			var all []*viewer
			for _, address := range c.admitted {
				v := w.connectFrom(address)
				if status, _ := v.ask("OPTIONS", "*", ""); status != 200 {
					t.Fatalf("OPTIONS from %s: %d", address, status)
				}
				all = append(all, v)
			}
			refused := w.connectFrom(c.other)
			w.run(10 * time.Millisecond)
			want := "RTSP/1.0 503 Service Unavailable: limit reached (" + c.says + ")\r\n"
			if len(refused.answers) != 1 || !strings.HasPrefix(refused.answers[0], want) || !refused.conn.Ended() {
				t.Errorf("one more is told %q, closed: %v; want %q", refused.answers, refused.conn.Ended(), want)
			}
			if !strings.Contains(w.log.String(), `msg="reader refused: limit reached (`+c.says+`)"`) {
				t.Error("the log does not say which limit was reached")
			}
			if status := all[len(all)-1].setupUDP(); status != 453 {
				t.Errorf("SETUP at the limit of connections: %d, want 453", status)
			}
			all[0].conn.Close()
			w.run(10 * time.Millisecond)
			if status := all[len(all)-1].setupUDP(); status != 200 {
				t.Errorf("SETUP after one has hung up: %d", status)
			}
			again := w.connectFrom(c.other)
			w.run(10 * time.Millisecond)
			if !again.conn.Ended() {
				t.Error("a session that is set up does not count as a connection")
			}
			all[len(all)-1].play()
			again = w.connectFrom(c.other)
			w.run(10 * time.Millisecond)
			if again.conn.Ended() {
				t.Error("a session that plays counts as a connection")
			}
		})
	}
}

// TestDefaultLimits are as documented.
func TestDefaultLimits(t *testing.T) {
	w := newWorld(t, 1, nil)
	c := w.b.Config()
	if c.MaxReaders != cast.NoLimit || c.MaxReadersPerAddress != cast.NoLimit || c.MaxConnections != 4096 || c.MaxConnectionsPerAddress != 256 || c.TCPBacklog != 64<<20 {
		t.Errorf("%d %d %d %d %d", c.MaxReaders, c.MaxReadersPerAddress, c.MaxConnections, c.MaxConnectionsPerAddress, c.TCPBacklog)
	}
	for range 256 {
		w.connect("10.0.1.1")
	}
	refused := w.connect("10.0.1.1")
	w.run(10 * time.Millisecond)
	if !refused.conn.Ended() || len(refused.answers) != 1 {
		t.Error("there is no limit of connections for one address")
	}
}

// TestLimitsOfMappedAddresses counts an IPv4 address that is mapped into IPv6 as the IPv4 one,
// and a /64 whatever its zone.
func TestLimitsOfMappedAddresses(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReadersPerAddress, c.MaxConnectionsPerAddress = 1, 1 })
	for _, same := range [][]string{
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:2"},
		{"[2001:db8::1]:1", "[2001:db8::ffff:ffff:ffff:ffff]:2"},
		{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1"},
	} {
		first, second := netip.MustParseAddrPort(same[0]), netip.MustParseAddrPort(same[1])
		if err := w.b.Connected(cast.RTSP, first); err != nil {
			t.Fatal(err)
		}
		if err := w.b.Connected(cast.RTSP, second); err == nil {
			t.Errorf("%v and %v are counted apart", first, second)
		}
		w.b.Disconnected(second)
		if err := w.b.Connected(cast.RTSP, second); err != nil {
			t.Errorf("%v is still counted: %v", second, err)
		}
	}
	for _, apart := range []string{"192.0.2.2:1", "[2001:db8:0:1::1]:1"} {
		if err := w.b.Connected(cast.RTSP, netip.MustParseAddrPort(apart)); err != nil {
			t.Errorf("%s: %v", apart, err)
		}
	}
}

// TestCountsComeBackToZero has readers come by each way, and go by each.
func TestCountsComeBackToZero(t *testing.T) {
	for name, leave := range map[string]func(w *world, v *viewer){
		"teardown":   func(_ *world, v *viewer) { v.ask("TEARDOWN", streamURL, "") },
		"hang up":    func(_ *world, v *viewer) { v.conn.Close() },
		"end":        func(w *world, _ *viewer) { endAll(w) },
		"close":      func(w *world, _ *viewer) { _ = w.s.Close() },
		"pause, end": func(w *world, v *viewer) { v.ask("PAUSE", streamURL, ""); endAll(w) },
		"pause":      func(_ *world, v *viewer) { v.ask("PAUSE", streamURL, "") },
		"silence":    func(*world, *viewer) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 15 * time.Second })
			for i, tcp := range []bool{false, true} {
				v := w.watch(fmt.Sprintf("10.0.1.%d", i+1), tcp)
				if i == 0 {
					w.joins("10.0.1.3:7000", "cam")
				}
				w.connect("10.0.1.1").setupUDP()
				w.run(100 * time.Millisecond)
				leave(w, v)
				w.run(100 * time.Millisecond)
				if name == "close" {
					break
				}
				if name == "silence" { // a reader over TCP takes something, and so lives
					v.conn.OnData(nil)
				}
			}
			w.run(5 * time.Minute)
			if name == "close" || sessions(w) == 0 {
				w.checkNoCounts()
				return
			}
			t.Errorf("%d sessions are left", sessions(w))
		})
	}
}

func endAll(w *world) {
	for s := range w.b.Sessions() {
		s.End("kicked")
	}
}

// checkNoCounts fails if a limit counts anything.
func (w *world) checkNoCounts() {
	w.t.Helper()
	if counts := cast.Counts(w.b); counts != (cast.LimitCounts{}) {
		w.t.Errorf("still counted: %+v", counts)
	}
}

// TestRefusalsInTheLog has many refused within a few seconds: a line a second, and no refusal
// is left out of the counts.
func TestRefusalsInTheLog(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 1 })
	w.watch("10.0.1.1", true)
	v := w.connect("10.0.1.2")
	const each, seconds = 20, 3
	for range each * seconds {
		if status := v.setupUDP(); status != 453 {
			t.Fatalf("SETUP: %d", status)
		}
		w.run(time.Second / each)
	}
	w.run(3 * time.Second)
	lines, told := 0, 0
	for line := range strings.Lines(w.log.String()) {
		if !strings.Contains(line, `msg="reader refused: limit reached (max_readers=1)" peer=10.0.1.2:`) {
			continue
		}
		lines++
		_, others, _ := strings.Cut(line, " others=")
		var n int
		if _, err := fmt.Sscan(others, &n); err != nil {
			t.Fatal(err)
		}
		told += 1 + n
	}
	if told != each*seconds || lines > seconds+1 {
		t.Errorf("%d lines tell of %d refusals; there were %d in %d s", lines, told, each*seconds, seconds)
	}
}

// TestClosedConnectionsInTheLog has a stranger's connections be closed, as what it says is no RTSP: a line a second, and
// no connection is left out of the counts.
func TestClosedConnectionsInTheLog(t *testing.T) {
	w := newWorld(t, 1, nil)
	const each, seconds = 20, 3
	for range each * seconds {
		c := w.connect("10.0.1.2")
		if _, err := c.conn.Write([]byte("\x00\x01\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second / each)
	}
	w.run(3 * time.Second)
	lines, told := 0, 0
	for line := range strings.Lines(w.log.String()) {
		if !strings.Contains(line, "10.0.1.2:") {
			continue
		}
		lines++
		_, others, _ := strings.Cut(line, " others=")
		var n int
		if _, err := fmt.Sscan(others, &n); err != nil || !strings.Contains(line, `msg="reader refused: connection closed: `) {
			t.Fatalf("%s: %v", line, err)
		}
		told += 1 + n
	}
	if told != each*seconds || lines > seconds+1 {
		t.Errorf("%d lines tell of %d connections; there were %d in %d s", lines, told, each*seconds, seconds)
	}
}
