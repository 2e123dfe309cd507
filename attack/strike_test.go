package attack

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// strike is one run of an attack. All that it starts ends with it.
type strike struct {
	context.Context
	// to is where the attack's traffic goes, and daemon what it goes to in the runs that count.
	to, daemon target
	// viewers are those who watch meanwhile.
	viewers []*viewer
	all     sync.WaitGroup
	// sent is how many datagrams, or blocks of bytes on connections, were sent, and bytes what
	// they held.
	sent, bytes atomic.Uint64
	mutex       sync.Mutex
	faults      []error
}

// attacks reports whether the traffic goes to the daemon.
func (s *strike) attacks() bool { return s.to == s.daemon }

// fault notes that the daemon did what it must not.
func (s *strike) fault(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.faults) < 10 {
		s.faults = append(s.faults, err)
	}
}

// pause lets time pass, and is false when the strike is over.
func (s *strike) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.Done():
		return false
	case <-timer.C:
		return true
	}
}

// address is an attacker's address of so many, none of which is a viewer's.
func address(i, of int) netip.Addr {
	i %= of
	return netip.AddrFrom4([4]byte{127, 80, byte(i >> 8), byte(i)})
}

// flood sends datagrams at a rate, in a second, from so many addresses in turn. packet makes
// the one of a number.
func (s *strike) flood(t *testing.T, rate, addresses int, to netip.AddrPort, packet func(number int) []byte) {
	t.Helper()
	sockets := make([]*net.UDPConn, addresses)
	for i := range sockets {
		var err error
		if sockets[i], err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address(i, addresses), 0))); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	s.all.Go(func() {
		defer func() {
			for _, c := range sockets {
				c.Close()
			}
		}()
		for number := 0; s.pause(2 * time.Millisecond); {
			for due := int(time.Since(began).Seconds() * float64(rate)); number < due; number++ {
				p := packet(number)
				if _, err := sockets[number%addresses].WriteToUDPAddrPort(p, to); err == nil {
					s.sent.Add(1)
					s.bytes.Add(uint64(len(p)))
				}
			}
		}
	})
}

const (
	// building is how long it takes to open the connections of an attack.
	building = 2 * time.Second
	// again is when one that has ended is opened anew.
	again = 3 * time.Second
)

// connections holds so many connections from so many addresses, and has each served, until the
// strike is over; those that end are opened anew a while later.
func (s *strike) connections(n, addresses int, serve func(c *connection) error) {
	const most = 10_000 // that are opened in that time
	for i := range n {
		s.all.Go(func() {
			if !s.pause(building * time.Duration(i) / most) {
				return
			}
			for {
				s.connect(address(i, addresses), serve)
				if !s.pause(again) {
					return
				}
			}
		})
	}
}

// connection is one of an attacker.
type connection struct {
	*net.TCPConn
	strike *strike
}

func (s *strike) connect(ip netip.Addr, serve func(*connection) error) {
	conn, err := dialFrom(s, ip, s.to.rtsp)
	if err != nil {
		return
	}
	// Nothing is left behind: no port waits for its last segments.
	_ = conn.SetLinger(0)
	closed := context.AfterFunc(s, func() { conn.Close() })
	_ = serve(&connection{conn, s})
	closed()
	conn.Close()
}

// write sends a block.
func (c *connection) write(p []byte) error {
	n, err := c.Write(p)
	c.strike.sent.Add(1)
	c.strike.bytes.Add(uint64(n))
	return err
}

// drop reads what comes, and drops it.
func (c *connection) drop() { _, _ = io.Copy(io.Discard, c) }

// every sends a block again and again, with a pause between.
func (c *connection) every(pause time.Duration, block []byte) error {
	for {
		if err := c.write(block); err != nil {
			return err
		}
		if !c.strike.pause(pause) {
			return os.ErrDeadlineExceeded
		}
	}
}

// run runs an attack for a while against a target, and says what the viewers have got.
func run(t *testing.T, d time.Duration, hall *hall, to target, attack func(*testing.T, *strike)) (r result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &strike{Context: ctx, to: to, daemon: hall.daemon.target, viewers: hall.viewers}
	for _, v := range hall.viewers {
		v.take()
	}
	over := time.NewTimer(d)
	attack(t, s)
	joins := hall.joinAll(d)
	<-over.C
	for _, v := range hall.viewers {
		r.add(v.take())
	}
	r.joins = joins()
	cancel()
	s.all.Wait()
	r.sent, r.bytes, r.fault = s.sent.Load(), s.bytes.Load(), errors.Join(s.faults...)
	return r
}
