//go:build !race

// These crowds are simulated by one goroutine, in which the race detector has nothing to find but
// takes minutes. make test runs them without it.

package cast_test

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
)

// TestForgedFirstRequests sends a million requests, more of them in a second than are read,
// from an address that never comes back with a cookie.
func TestForgedFirstRequests(t *testing.T) {
	const forged = 1_000_000
	w := newWorld(t, 1, nil)
	honest := w.joins("10.0.1.1:7000", "cam")
	w.run(time.Second)
	request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
	attacker, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.9.0.1:9000"))
	if err != nil {
		t.Fatal(err)
	}
	attacker.CountOnly()
	flood := func(n int) {
		for range n / 500 {
			for range 500 {
				if err := attacker.Send(rtpAddr, request); err != nil {
					t.Fatal(err)
				}
			}
			w.run(20 * time.Millisecond) // 25000 a second
		}
	}
	flood(20_000)
	before := heapInUse()
	flood(forged - 20_000)
	if grown := int64(heapInUse()) - int64(before); grown > 256<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	answers, bytes := attacker.Received()
	t.Logf("%d requests of %d bytes, %d answers, %d bytes", forged, len(request), answers, bytes)
	if bytes > uint64(forged*len(request)) || answers == 0 {
		t.Errorf("%d bytes were answered by %d", forged*len(request), bytes)
	}
	if w.b.Readers() != 1 || w.s.Readers() != 1 {
		t.Errorf("%d readers, want the honest one", w.b.Readers())
	}
	if honest.depack.Dropped > 0 || honest.frames < 39*framesPerSecond || honest.stats.Lost() != 0 {
		t.Errorf("the honest reader got %d frames, %d dropped, %d packets lost", honest.frames, honest.depack.Dropped, honest.stats.Lost())
	}
	if f := w.s.Figures(); f.Lags > 0 {
		t.Errorf("%d lags", f.Lags)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAMillionAddresses has each of a million forged addresses ask once, no faster than all
// are read and answered.
func TestAMillionAddresses(t *testing.T) {
	const (
		addresses = 1_000_000
		batch     = 450 // in 100 ms
	)
	w := newWorld(t, 1, nil)
	request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
	victims := make([]*sim.UDPPeer, batch)
	asked, most := 0, uint64(0)
	ask := func(n int) {
		for ; n > 0; n -= batch {
			for i := range victims {
				var ip [4]byte
				binary.BigEndian.PutUint32(ip[:], uint32(10<<24|1<<23+asked))
				asked++
				var err error
				if victims[i], err = w.k.NewUDPPeer(netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(1024+asked%60000))); err != nil {
					t.Fatal(err)
				}
				victims[i].CountOnly()
				if err := victims[i].Send(rtpAddr, request); err != nil {
					t.Fatal(err)
				}
			}
			w.run(100 * time.Millisecond)
			for _, v := range victims {
				_, bytes := v.Received()
				most = max(most, bytes)
				v.Close()
			}
		}
	}
	ask(addresses / 20)
	before := heapInUse()
	ask(addresses - asked)
	if grown := int64(heapInUse()) - int64(before); grown > 256<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	out := w.b.RTPSockets()
	t.Logf("%d requests of %d bytes, %d answers, %d bytes, at most %d to one address", asked, len(request), out.Messages, out.Bytes, most)
	if out.Messages != uint64(asked) || out.Bytes > uint64(asked*len(request)) || most > uint64(len(request)) {
		t.Errorf("want as many answers, none longer than the request")
	}
	if w.b.Readers() != 0 {
		t.Errorf("%d readers, want none", w.b.Readers())
	}
}
