package cast_test

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
	pion "github.com/pion/srtp/v3"
)

// sealedReader is an SRTP reader whose other end is pion.
type sealedReader struct {
	w            *world
	session      *cast.Session
	ended        string
	ip           netip.Addr
	rtp, rtcp    *sim.UDPPeer
	told         srtp.Offer
	in, out      *pion.Context
	depacketizer rtp.JPEGDepacketizer
	groups       *sink // takes what is opened of frames that depend on each other; nil: they are JPEG
	numbers      []uint32
	sizes        map[int]int // of packets
	// opened and unopened are how many packets could be opened, and could not.
	opened, unopened int
	reports          int
	goodbyes         int
	lastSequence     uint16
	gaps             int // after the first whole frame
	keys             *keyStreams
}

// keyStreams notes with which key stream each packet was sealed: what it has once it is opened, XOR what it
// had on its way. It believes no index and no counter.
type keyStreams struct {
	packets map[[16]byte][32]byte
	reused  int
}

func newKeyStreams() *keyStreams { return &keyStreams{packets: map[[16]byte][32]byte{}} }

func (k *keyStreams) saw(sealed, opened []byte, header int) {
	var stream [16]byte
	if len(opened) < header+len(stream) {
		return
	}
	for i := range stream {
		stream[i] = sealed[header+i] ^ opened[header+i]
	}
	hash := sha256.Sum256(sealed)
	if before, known := k.packets[stream]; known && before != hash {
		k.reused++
	}
	k.packets[stream] = hash
}

// withSRTP is a configuration that has it.
func withSRTP(c *cast.Config) { c.SRTP = true }

// sealedAt opens a session at an address, and tells it what it must know.
func (w *world) sealedAt(ip string, keys *keyStreams) *sealedReader {
	w.t.Helper()
	r := &sealedReader{w: w, ip: netip.MustParseAddr(ip), sizes: map[int]int{}, keys: keys}
	port := w.ports
	w.ports += 2
	var err error
	r.rtp, err = w.k.NewUDPPeer(netip.AddrPortFrom(r.ip, port))
	w.must(err)
	r.rtcp, err = w.k.NewUDPPeer(netip.AddrPortFrom(r.ip, port+1))
	w.must(err)
	r.rtp.OnReceive(func(d sim.Datagram) { r.arrived(d.Payload) })
	r.rtcp.OnReceive(func(d sim.Datagram) { r.arrivedRTCP(d.Payload) })
	r.session, err = w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: netip.AddrPortFrom(r.ip, port+1000),
		EndsByGoodbye: true, Ended: func(reason string) { r.ended = reason }})
	w.must(err)
	r.setUp()
	return r
}

// setUp tells the reader the keys of now.
func (r *sealedReader) setUp() {
	r.w.t.Helper()
	var ok bool
	if r.told, ok = r.w.s.SRTP(); !ok {
		r.w.t.Fatal("there is no SRTP")
	}
	peer := srtp.Peer{Key: srtp.Key{1, 2, byte(len(r.numbers))}}
	copy(peer.Key[16:], r.ip.AsSlice())
	r.w.secrets.Add(peer.Key[:])
	r.w.must(r.session.Seal(r.told, peer))
	r.in, r.out = pionContext(r.w.t, r.told.Key), pionContext(r.w.t, peer.Key)
	r.in.SetROC(r.told.SSRC, r.told.Rollover)
}

func pionContext(t testing.TB, k srtp.Key) *pion.Context {
	t.Helper()
	c, err := pion.CreateContext(k[:16], k[16:], pion.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *sealedReader) play() error {
	return r.session.PlayUDP(cast.Address{RTP: r.rtp.Addr(), RTCP: r.rtcp.Addr()})
}

func (r *sealedReader) arrived(p []byte) {
	r.sizes[len(p)]++
	plain, err := r.in.DecryptRTP(nil, p, nil)
	if err != nil {
		r.unopened++
		return
	}
	r.keys.saw(p, plain, rtp.HeaderBytes)
	sequence := binary.BigEndian.Uint16(plain[2:])
	if r.opened++; len(r.numbers) > 0 && sequence != r.lastSequence+1 {
		r.gaps++
	}
	r.lastSequence = sequence
	if binary.BigEndian.Uint32(plain[8:]) != r.told.SSRC {
		r.w.t.Errorf("a packet of SSRC %x", plain[8:12])
	}
	if r.groups != nil {
		if len(plain) == rtp.HeaderBytes { // the filler of the made-up format
			return
		}
		r.groups.packet(plain)
		return
	}
	picture, ok, err := r.depacketizer.Push(plain)
	r.w.must(err)
	if ok {
		r.numbers = append(r.numbers, numberOf(r.w.t, picture, r.w.camera.scan))
	}
}

func (r *sealedReader) arrivedRTCP(p []byte) {
	plain, err := r.in.DecryptRTCP(nil, p, nil)
	if err != nil {
		r.unopened++
		return
	}
	r.keys.saw(p, plain, 8)
	r.w.must(rtcp.Parse(plain, rtcp.Visitor{
		Sender: func(s rtcp.SenderReport, _ uint64) {
			if r.reports++; s.SSRC != r.told.SSRC {
				r.w.t.Errorf("a report of SSRC %x", s.SSRC)
			}
		},
		Bye: func(uint32) { r.goodbyes++ },
	}))
}

// report sends a receiver report: sealed by a context, or plain with nil.
func (r *sealedReader) report(by *pion.Context) (sent []byte) {
	p := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: r.told.SSRC, HighestSequence: uint32(r.lastSequence)}, "me")
	if by != nil {
		var err error
		p, err = by.EncryptRTCP(nil, p, nil)
		r.w.must(err)
	}
	r.send(p)
	return p
}

func (r *sealedReader) send(p []byte) { r.w.must(r.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), p)) }

// inARow fails unless the reader had n frames or more in a row, and opened all that came.
func (r *sealedReader) inARow(n int) {
	r.w.t.Helper()
	if len(r.numbers) < n || r.unopened > 0 || r.gaps > 0 {
		r.w.t.Errorf("%v has %d frames, want %d; %d packets were not opened, %d gaps", r.ip, len(r.numbers), n, r.unopened, r.gaps)
	}
	for i, number := range r.numbers {
		if i > 0 && number != r.numbers[i-1]+1 {
			r.w.t.Fatalf("%v: frame %d after frame %d", r.ip, number, r.numbers[i-1])
		}
	}
}

// TestSRTP has SRTP readers and a plain one of a stream: all have each frame, in packets that fit and of
// one size, the reports and the goodbye.
func TestSRTP(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, func(c *cast.Config) { c.SRTP, c.MTU = true, 1200 })
		plain := w.watch("10.0.9.1", false)
		keys := newKeyStreams()
		var all []*sealedReader
		for _, ip := range []string{"10.0.1.1", "10.0.1.2", "10.0.1.3"} {
			r := w.sealedAt(ip, keys)
			w.must(r.play())
			all = append(all, r)
			w.run(time.Second)
		}
		w.run(7 * time.Second)
		if s := w.s.Readers(); s != 4 {
			t.Errorf("%d readers", s)
		}
		if f := w.s.Figures(); f.Delivered < 4*7*framesPerSecond || f.LastAge.Count == 0 || f.FirstAge.Count == 0 {
			t.Errorf("figures: %d frames delivered, %d and %d ages", f.Delivered, f.FirstAge.Count, f.LastAge.Count)
		}
		w.must(w.s.Close())
		w.run(time.Second)
		plain.row(9 * framesPerSecond)
		for _, r := range all {
			r.inARow(6 * framesPerSecond)
			largest, most := 0, 0
			for size, n := range r.sizes {
				largest, most = max(largest, size), max(most, n)
			}
			if largest > 1200-48 || largest < 1200-48-3 || r.sizes[largest] != most {
				t.Errorf("packets of %d bytes at most: %v", largest, r.sizes)
			}
			if r.reports == 0 || r.goodbyes != 1 || r.ended == "" {
				t.Errorf("%v: %d reports, %d goodbyes, ended by %q", r.ip, r.reports, r.goodbyes, r.ended)
			}
		}
		if keys.reused > 0 || len(keys.packets) < 1000 {
			t.Errorf("%d of %d packets share a key stream", keys.reused, len(keys.packets))
		}
		if left := cast.LeaksOf(w.b, w.s); left.FormUsers != 0 || left.Pins != 0 || left.Holds != 0 {
			t.Errorf("left behind: %+v", left)
		}
	}
}

// TestSRTPLateJoiner has a reader come 300 s after the first one, when the counter has gone on.
func TestSRTPLateJoiner(t *testing.T) {
	w := newWorld(t, 1, withSRTP)
	keys := newKeyStreams()
	minutes := 5
	if raced { // without the race detector two rollovers go by
		minutes = 1
		cast.SkipSealed(w.s, 1<<17-10_000)
	}
	first := w.sealedAt("10.0.1.1", keys)
	w.must(first.play())
	for range 2 * minutes {
		w.run(30 * time.Second)
		first.report(first.out)
	}
	late := w.sealedAt("10.0.1.2", keys)
	if late.told.Rollover < 2 || late.told.Key != first.told.Key {
		t.Errorf("the late reader was told %d", late.told.Rollover)
	}
	w.must(late.play())
	w.run(2 * time.Second)
	first.inARow((60*minutes + 1) * framesPerSecond)
	late.inARow(50)
	if keys.reused > 0 {
		t.Errorf("%d of %d packets share a key stream", keys.reused, len(keys.packets))
	}
}

// TestSRTPAtTheRollover has readers be told the counter and play at all moments around a rollover, or long
// after, or pause over one.
func TestSRTPAtTheRollover(t *testing.T) {
	w := newWorld(t, 1, withSRTP)
	w.camera.scan = 60000 // some 43 packets
	keys := newKeyStreams()
	cast.SkipSealed(w.s, 1<<16-2000)
	first := w.sealedAt("10.0.1.1", keys)
	w.must(first.play())
	var all []*sealedReader
	come := func(ip byte) *sealedReader {
		r := w.sealedAt(netip.AddrFrom4([4]byte{10, 0, 2, ip}).String(), keys)
		all = append(all, r)
		return r
	}
	over := func() bool { return w.s.Figures().Frames > 0 && first.lastSequence > 65535-300 }
	if err := sim.RunUntil(w.l, over, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	paused := come(200)
	w.must(paused.play())
	told := first.told.Rollover
	var waiting []*sealedReader
	for i := range byte(15) { // told before, at and after the rollover
		r := come(i)
		if i%3 == 0 {
			w.must(r.play())
		} else {
			waiting = append(waiting, r)
		}
		told = max(told, r.told.Rollover)
		w.run(time.Second / framesPerSecond)
	}
	if told == first.told.Rollover {
		t.Fatal("there was no rollover")
	}
	paused.session.Pause()
	w.run(200 * time.Millisecond) // what is on its way
	had := len(paused.numbers)
	for _, r := range waiting[1:] {
		w.must(r.play())
	}
	w.run(time.Second)
	w.run(6 * time.Second) // a session that is set up lasts for 10
	w.must(waiting[0].play())
	w.run(4 * time.Second)
	for _, r := range all {
		if r != paused {
			r.inARow(100)
			r.session.End("test")
		}
	}
	first.inARow(100)
	first.session.End("test")
	for range 6 { // a counter more, as if 16384 packets had gone out each time
		cast.SkipSealed(w.s, cast.SealedIndex(w.s)+1<<14)
		if _, _, err := cast.LaySealed(w.s, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.must(paused.play())
	w.run(time.Second)
	if n := len(paused.numbers) - had; n < 25 || paused.unopened > 0 {
		t.Errorf("the one that has paused has %d frames, %d packets were not opened", n, paused.unopened)
	}
	if keys.reused > 0 {
		t.Errorf("%d of %d packets share a key stream", keys.reused, len(keys.packets))
	}
}

// TestSRTPMissesTheFirstPackets has the first SRTP reader miss the first half of the first frame, wherever the
// sequence numbers begin: it opens the rest, and all that follows.
func TestSRTPMissesTheFirstPackets(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) {
		random := c.Random
		c.SRTP, c.Random = true, func(p []byte) {
			if random(p); len(p) == 4 { // a first sequence number, among others
				p[2], p[3] = 0xff, 0xf0
			}
		}
	})
	w.camera.scan = 60000 // some 43 packets
	r := w.sealedAt("10.0.1.1", newKeyStreams())
	missed := 0
	r.rtp.OnReceive(func(d sim.Datagram) {
		if missed++; missed > 20 {
			r.arrived(d.Payload)
		}
	})
	w.must(r.play())
	w.run(time.Second)
	if r.inARow(20); missed < 500 {
		t.Errorf("%d packets came", missed)
	}
}

// TestSRTPToldLongAgo has a session that was told too long ago be refused, and be served when it is told anew.
func TestSRTPToldLongAgo(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SRTP, c.SessionTimeout = true, 24*time.Hour })
	w.camera.scan = 200_000
	keys := newKeyStreams()
	first, paused := w.sealedAt("10.0.1.1", keys), w.sealedAt("10.0.1.2", keys)
	w.must(first.play())
	w.must(paused.play())
	w.run(time.Second)
	paused.session.Pause()
	first.rtp.OnReceive(func(sim.Datagram) {})
	for range 40 { // as if 16384 packets had gone out meanwhile
		cast.SkipSealed(w.s, cast.SealedIndex(w.s)+1<<14)
		w.run(time.Second / framesPerSecond)
	}
	err := paused.play()
	if refusal := cast.RefusalOf(err); err == nil || refusal.Kind != cast.Unavailable || !strings.Contains(refusal.Reason, "set up again") {
		t.Errorf("it plays: %v", err)
	}
	first.session.Pause() // it was told as long ago, and has received all since
	w.must(first.play())
	had := len(paused.numbers)
	paused.setUp()
	w.must(paused.play())
	w.run(time.Second)
	if len(paused.numbers) < had+25 {
		t.Errorf("it has %d frames more", len(paused.numbers)-had)
	}
}

// TestSRTPProvesItself has only what a reader has sealed be a sign of life, a report or a goodbye.
func TestSRTPProvesItself(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SRTP, c.SessionTimeout = true, 5*time.Second })
	keys := newKeyStreams()
	honest, silent := w.sealedAt("10.0.1.1", keys), w.sealedAt("10.0.1.2", keys)
	w.must(honest.play())
	w.must(silent.play())
	w.run(time.Second)
	goodbye := rtcp.AppendReceiverGoodbye(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: honest.told.SSRC}, "me")
	honest.send(goodbye)
	w.run(100 * time.Millisecond)
	var recorded []byte
	for range 10 {
		honest.report(honest.out)
		for _, by := range []*pion.Context{nil, honest.out, silent.in} { // plain, another reader's, the stream's
			silent.report(by)
		}
		if recorded == nil {
			recorded = silent.report(silent.out)
			w.run(time.Second)
			recordedOnce := silent.session.Figures().Reports
			if recordedOnce != 1 {
				t.Errorf("%d reports, want 1", recordedOnce)
			}
		}
		silent.send(recorded)
		w.run(time.Second)
	}
	if !honest.session.Playing() || honest.session.Figures().Reports < 8 {
		t.Errorf("the honest one: plays %v, %d reports", honest.session.Playing(), honest.session.Figures().Reports)
	}
	if !strings.Contains(silent.ended, "timeout") && silent.ended == "" || silent.session.Figures().Reports != 1 {
		t.Errorf("the silent one ended by %q after %d reports", silent.ended, silent.session.Figures().Reports)
	}
	sealed, err := honest.out.EncryptRTCP(nil, goodbye, nil)
	w.must(err)
	honest.send(sealed)
	w.run(100 * time.Millisecond)
	if honest.ended != "goodbye" {
		t.Errorf("the honest one has said goodbye, and ended by %q", honest.ended)
	}
}

// TestSRTPKeyTakenAlong has a reader set its session up again with the same key, and then another session: what was
// recorded of it before counts in none of them.
func TestSRTPKeyTakenAlong(t *testing.T) {
	w := newWorld(t, 1, withSRTP)
	keys := newKeyStreams()
	r := w.sealedAt("10.0.1.1", keys)
	peer := srtp.Peer{Key: srtp.Key{7, 7, 7}}
	w.secrets.Add(peer.Key[:])
	r.out = pionContext(t, peer.Key)
	w.must(r.session.Seal(r.told, peer))
	w.must(r.play())
	w.run(time.Second)
	reported := r.report(r.out)
	w.run(100 * time.Millisecond)
	goodbye, err := r.out.EncryptRTCP(nil, rtcp.AppendReceiverGoodbye(nil, rtcp.ReceptionReport{Reporter: 9, SSRC: r.told.SSRC}, "me"), nil)
	w.must(err)

	r.session.Pause()
	w.must(r.session.Seal(r.told, peer))
	w.must(r.play())
	w.run(time.Second)
	r.send(reported)
	w.run(time.Second)
	if n := r.session.Figures().Reports; n != 1 {
		t.Errorf("%d reports count in the session, want 1", n)
	}
	r.send(goodbye)
	w.run(100 * time.Millisecond)
	if r.ended != "goodbye" {
		t.Fatalf("the session has ended by %q", r.ended)
	}

	next := w.sealedAt("10.0.1.1", keys)
	w.must(next.session.Seal(next.told, peer))
	w.must(next.play())
	w.run(100 * time.Millisecond)
	next.send(reported)
	next.send(goodbye)
	w.run(100 * time.Millisecond)
	if n := next.session.Figures().Reports; n > 0 || next.ended != "" {
		t.Errorf("%d reports of before count in the next session, which has ended by %q", n, next.ended)
	}
}

// TestSRTPMachineAway has a reader end whose machine did not answer for so long that it cannot know the counter,
// and one go on that was away for less.
func TestSRTPMachineAway(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, 20 * time.Second} {
		w := newWorld(t, 1, withSRTP)
		w.camera.scan = 100_000 // some 2200 packets a second
		keys := newKeyStreams()
		there, gone := w.sealedAt("10.0.6.1", keys), w.sealedAt("10.0.5.1", keys)
		w.must(there.play())
		w.must(gone.play())
		w.run(time.Second)
		w.k.SetSilent(gone.ip, true)
		w.run(away)
		gone.report(nil) // by another, who has taken its address
		w.run(10 * time.Millisecond)
		if f := w.s.Figures(); f.Resting != 1 {
			t.Errorf("%d readers rest, want 1", f.Resting)
		}
		w.k.SetSilent(gone.ip, false)
		w.run(10 * time.Second)
		there.inARow(9 * framesPerSecond)
		if ends := strings.Contains(gone.ended, "too many packets"); ends != (away > 10*time.Second) || gone.unopened > 0 && !ends {
			t.Errorf("away for %v: ended by %q, %d packets not opened, the log says %s", away, gone.ended, gone.unopened, w.log.String())
		}
	}
}

// TestNoSRTP has a session be refused where there is none, and plain packets be as large as they may.
func TestNoSRTP(t *testing.T) {
	w := newWorld(t, 1, nil)
	if _, ok := w.s.SRTP(); ok {
		t.Error("keys are offered")
	}
	s, err := w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("10.0.1.1:999")})
	w.must(err)
	if err := s.Seal(srtp.Offer{}, srtp.Peer{}); err == nil || s.Sealed() {
		t.Error("it is sealed")
	}
}

// TestSRTPKeysAreNotLogged logs what holds the keys of a stream. Whether others do is looked for at the end of
// every test.
func TestSRTPKeysAreNotLogged(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SRTP = true })
	r := w.sealedAt("10.0.1.1", newKeyStreams())
	w.must(r.play())
	w.run(time.Second)
	w.b.Config().Log.Info("what is shown of it", "offer", r.told, "key", r.told.Key)
	r.session.End("test")
	w.run(time.Second)
	if n := strings.Count(w.log.String(), "(secret)"); n != 2 {
		t.Errorf("shown %d times:\n%s", n, w.log.String())
	}
}
