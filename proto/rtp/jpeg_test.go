package rtp_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// picture makes one with a scan of n bytes that look like a scan: no markers.
func picture(n int, restart uint16) *jpeg.Image {
	img := &jpeg.Image{Width: 640, Height: 480, Type: jpeg.Type420, RestartInterval: restart}
	for i := range img.Luma {
		img.Luma[i], img.Chroma[i] = byte(i+1), byte(100+i)
	}
	random := rand.New(rand.NewPCG(uint64(n), 7))
	img.Scan = make([]byte, n)
	for i := range img.Scan {
		img.Scan[i] = byte(random.IntN(255)) // never FF
	}
	return img
}

func newPacketizer(tb testing.TB, packetSize, runPackets int) *rtp.JPEGPacketizer {
	tb.Helper()
	p, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 0x01020304, FirstSequence: 65530, PacketSize: packetSize, RunPackets: runPackets})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// checkLayout fails unless the packets obey the rules of the layout and carry the
// picture.
func checkLayout(t *testing.T, packets *rtp.Packets, img *jpeg.Image, first uint16) {
	t.Helper()
	var scan, joined []byte
	for i := range packets.Count {
		p := packets.Packet(i)
		joined = append(joined, p...)
		last := i == packets.Count-1
		endsRun := (i+1)%packets.RunPackets == 0
		switch {
		case last && len(p) >= packets.PacketSize:
			t.Errorf("the last packet has %d bytes, which is not shorter than %d", len(p), packets.PacketSize)
		case !last && endsRun && len(p) != packets.PacketSize-1:
			t.Errorf("packet %d, which ends a run, has %d bytes, want %d", i, len(p), packets.PacketSize-1)
		case !last && !endsRun && len(p) != packets.PacketSize:
			t.Errorf("packet %d has %d bytes, want %d", i, len(p), packets.PacketSize)
		}
		var h pion.Header
		n, err := h.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if h.Marker != last || h.PayloadType != 26 || h.SSRC != 0x01020304 || h.Timestamp != 777 || h.SequenceNumber != first+uint16(i) {
			t.Errorf("packet %d: header %+v", i, h)
		}
		payload := p[n:]
		if offset := int(payload[1])<<16 | int(payload[2])<<8 | int(payload[3]); offset != len(scan) {
			t.Errorf("packet %d: offset %d, want %d", i, offset, len(scan))
		}
		wantKind := img.Type
		if img.RestartInterval > 0 {
			wantKind += 64
		}
		if payload[0] != 0 || payload[4] != wantKind || payload[5] != 255 || payload[6] != 80 || payload[7] != 60 {
			t.Errorf("packet %d: main header % x", i, payload[:8])
		}
		payload = payload[8:]
		if img.RestartInterval > 0 {
			if want := []byte{byte(img.RestartInterval >> 8), byte(img.RestartInterval), 0xff, 0xff}; !bytes.Equal(payload[:4], want) {
				t.Errorf("packet %d: restart header % x, want % x", i, payload[:4], want)
			}
			payload = payload[4:]
		}
		if i == 0 {
			want := slices.Concat([]byte{0, 0, 0, 128}, img.Luma[:], img.Chroma[:])
			if !bytes.Equal(payload[:132], want) {
				t.Error("other quantisation tables")
			}
			payload = payload[132:]
		}
		if len(payload) == 0 {
			t.Errorf("packet %d is empty", i)
		}
		scan = append(scan, payload...)
	}
	if !bytes.Equal(scan, img.Scan) {
		t.Error("the packets carry another scan")
	}
	if !bytes.Equal(joined, packets.Bytes) {
		t.Error("the packets are not the buffer")
	}
	checkRuns(t, packets)
}

// checkRuns cuts each run as the kernel does, and wants the packets.
func checkRuns(t *testing.T, packets *rtp.Packets) {
	t.Helper()
	n := 0
	for i := range packets.Runs() {
		run := packets.Run(i)
		if len(run) > 65507 {
			t.Errorf("run %d has %d bytes, more than one message takes", i, len(run))
		}
		if len(run)%packets.PacketSize == 0 {
			t.Errorf("run %d ends with a packet as long as the others", i)
		}
		for cut := range slices.Chunk(run, packets.PacketSize) {
			if n >= packets.Count || !bytes.Equal(cut, packets.Packet(n)) {
				t.Fatalf("run %d, cut every %d bytes, gives another packet %d", i, packets.PacketSize, n)
			}
			n++
		}
	}
	if n != packets.Count {
		t.Errorf("the runs hold %d packets, want %d", n, packets.Count)
	}
}

func TestLayout(t *testing.T) {
	sizes := []struct{ packet, run int }{{1452, 1}, {1452, 2}, {1452, 16}, {1452, 64}, {576 - 48, 64}, {1232, 8}, {300, 3}, {9000, 64}, {65507, 64}}
	for _, size := range sizes {
		for _, restart := range []uint16{0, 40} {
			t.Run(fmt.Sprintf("%dx%d restart %d", size.packet, size.run, restart), func(t *testing.T) {
				// Around each length from which on there is one packet or run more.
				p := newPacketizer(t, size.packet, size.run)
				var lengths []int
				for _, packets := range []int{1, 2, 3, p.Layout().RunPackets, p.Layout().RunPackets + 1, 2 * p.Layout().RunPackets} {
					full := packets*(size.packet-20-4*min(1, int(restart))) - 132 - packets/p.Layout().RunPackets
					for d := -3; d <= 3; d++ {
						lengths = append(lengths, full+d)
					}
				}
				lengths = append(lengths, 1, 42000, 400000)
				for _, n := range lengths {
					if n < 1 {
						continue
					}
					img := picture(n, restart)
					first := p.NextSequence()
					packets, err := p.Packetize(nil, img, 777)
					if err != nil {
						t.Fatal(err)
					}
					checkLayout(t, &packets, img, first)
					if t.Failed() {
						t.Fatalf("with a scan of %d bytes", n)
					}
				}
			})
		}
	}
}

func TestLayoutRefuses(t *testing.T) {
	for _, c := range []struct{ packet, run int }{{100, 16}, {70000, 16}, {0, 16}, {-1, 16}, {1452, 0}} {
		if _, err := rtp.NewLayout(c.packet, c.run); err == nil {
			t.Errorf("packets of %d bytes in runs of %d are taken", c.packet, c.run)
		}
	}
	if l, err := rtp.NewLayout(1452, 1000); err != nil || l.RunPackets != 45 {
		t.Errorf("%+v, %v; want runs of 45 packets, which is what 65507 bytes hold", l, err)
	}
	if _, err := newPacketizer(t, 1452, 16).Packetize(nil, &jpeg.Image{Width: 8, Height: 8}, 0); err == nil {
		t.Error("a picture without a scan is taken")
	}
}

func TestPacketizeAllocatesNothing(t *testing.T) {
	p, img := newPacketizer(t, 1452, 16), picture(42000, 0)
	packets, err := p.Packetize(nil, img, 777)
	if err != nil {
		t.Fatal(err)
	}
	buffer := packets.Bytes
	if n := testing.AllocsPerRun(100, func() {
		packets, _ = p.Packetize(buffer, img, 777)
		buffer = packets.Bytes
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// push gives packets to a depacketizer and returns the pictures, cloned.
func push(t *testing.T, d *rtp.JPEGDepacketizer, packets ...[]byte) (pictures [][]byte) {
	t.Helper()
	for _, p := range packets {
		picture, ok, err := d.Push(p)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			pictures = append(pictures, bytes.Clone(picture))
		}
	}
	return pictures
}

func cut(packets rtp.Packets) (list [][]byte) {
	for i := range packets.Count {
		list = append(list, packets.Packet(i))
	}
	return list
}

func TestDepacketize(t *testing.T) {
	p := newPacketizer(t, 1452, 16)
	var d rtp.JPEGDepacketizer
	var frames [][][]byte
	var images []*jpeg.Image
	for i := range 4 {
		img := picture(20000+i, uint16(i%2)*40)
		packets, err := p.Packetize(nil, img, uint32(1000*i))
		if err != nil {
			t.Fatal(err)
		}
		frames, images = append(frames, cut(packets)), append(images, img)
	}
	// Whole; with a packet twice; with one missing; whole again.
	twice := slices.Insert(slices.Clone(frames[1]), 3, frames[1][2])
	lacking := slices.Delete(slices.Clone(frames[2]), 5, 6)
	got := push(t, &d, slices.Concat(frames[0], twice, lacking, frames[3])...)
	if len(got) != 3 || d.Dropped != 1 {
		t.Fatalf("%d pictures, %d dropped; want 3 and 1", len(got), d.Dropped)
	}
	for i, want := range []*jpeg.Image{images[0], images[1], images[3]} {
		var img jpeg.Image
		if err := img.Parse(got[i]); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(img.Scan, want.Scan) || img.Luma != want.Luma || img.Chroma != want.Chroma ||
			img.RestartInterval != want.RestartInterval || img.Type != want.Type || img.Width != want.Width {
			t.Errorf("picture %d is another", i)
		}
	}
	// A frame that lacks its beginning, its end.
	if got := push(t, &d, frames[0][1:]...); len(got) != 0 {
		t.Error("a picture without its beginning")
	}
	if got := push(t, &d, slices.Concat(frames[0][:3], frames[1])...); len(got) != 1 || d.Dropped != 2 {
		t.Errorf("%d pictures, %d dropped; want 1 and 2", len(got), d.Dropped)
	}
}

// TestDepacketizeQ takes the other ways of saying the tables (RFC 2435, section 4.2).
func TestDepacketizeQ(t *testing.T) {
	packet := func(q byte, timestamp byte, tables ...byte) []byte {
		p := []byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, timestamp, 1, 2, 3, 4, 0, 0, 0, 0, 1, q, 2, 2}
		return append(append(p, tables...), 1, 2, 3)
	}
	var d rtp.JPEGDepacketizer
	var img jpeg.Image
	if err := img.Parse(push(t, &d, packet(50, 1))[0]); err != nil || img.Luma[0] != 16 || img.Chroma[0] != 17 {
		t.Errorf("Q 50: %v, tables begin with %d, %d; want the base tables", err, img.Luma[0], img.Chroma[0])
	}
	if err := img.Parse(push(t, &d, packet(99, 2))[0]); err != nil || img.Luma[0] != 1 || img.Luma[63] != 2 {
		t.Errorf("Q 99: %v, %v", err, img.Luma)
	}
	if _, _, err := d.Push(packet(200, 3, 0, 0, 0, 0)); !errors.Is(err, rtp.ErrMalformed) {
		t.Errorf("Q 200 whose tables were never sent: %v", err)
	}
	tables := slices.Concat([]byte{0, 0, 0, 128}, bytes.Repeat([]byte{7}, 64), bytes.Repeat([]byte{9}, 64))
	push(t, &d, packet(200, 4, tables...))
	if err := img.Parse(push(t, &d, packet(200, 5, 0, 0, 0, 0))[0]); err != nil || img.Luma[5] != 7 || img.Chroma[5] != 9 {
		t.Errorf("Q 200 again: %v, %v", err, img.Luma)
	}
	for name, p := range map[string][]byte{
		"nothing": nil, "short": {0x80, 26, 0}, "no payload": packet(50, 1)[:12], "Q 0": packet(0, 1), "Q 110": packet(110, 1),
		"tables beyond the end": packet(255, 1, 0, 0, 1, 0),
	} {
		if _, _, err := d.Push(p); !errors.Is(err, rtp.ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

// TestUnsupported wants what cannot be shown told from what is broken, and named.
func TestUnsupported(t *testing.T) {
	packet := func(kind, q, width byte, rest ...byte) []byte {
		return append([]byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, kind, q, width, 2}, rest...)
	}
	for want, p := range map[string][]byte{
		"16-bit quantisation tables":       packet(1, 255, 2, slices.Concat([]byte{0, 3, 0, 128}, make([]byte, 128))...),
		"256 bytes of quantisation tables": packet(1, 255, 2, slices.Concat([]byte{0, 0, 1, 0}, make([]byte, 256))...),
		"65 bytes of quantisation tables":  packet(1, 255, 2, slices.Concat([]byte{0, 0, 0, 65}, make([]byte, 65))...),
		"type 2":                           packet(2, 50, 2, 1, 2, 3),
		"type 66":                          packet(66, 50, 2, 0, 4, 255, 255, 1, 2, 3),
		"x-dimensions":                     packet(1, 50, 0, 1, 2, 3),
	} {
		var d rtp.JPEGDepacketizer
		if _, ok, err := d.Push(p); ok || !errors.Is(err, rtp.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want ErrUnsupported with %q", err, want)
		}
	}
}

// noise is a picture that Go's encoder has written, and the packet that carries its scan with
// these quantisation tables.
func noise(t *testing.T, q byte, timestamp byte, tables ...[64]byte) (*jpeg.Image, []byte) {
	t.Helper()
	picture := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(3, 4))
	for _, plane := range [][]byte{picture.Y, picture.Cb, picture.Cr} {
		for i := range plane {
			plane[i] = byte(random.IntN(256))
		}
	}
	var file bytes.Buffer
	if err := stdjpeg.Encode(&file, picture, nil); err != nil {
		t.Fatal(err)
	}
	img := new(jpeg.Image)
	if err := img.Parse(file.Bytes()); err != nil {
		t.Fatal(err)
	}
	n := 64 * len(tables)
	p := []byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, timestamp, 1, 2, 3, 4, 0, 0, 0, 0, img.Type, q, 8, 6, 0, 0, byte(n >> 8), byte(n)}
	for _, table := range tables {
		p = append(p, table[:]...)
	}
	return img, append(p, img.Scan...)
}

// TestDepacketizeTables takes one quantisation table, which is that of all components, and three,
// one for each. What a decoder makes of it must be what the tables say.
func TestDepacketizeTables(t *testing.T) {
	var tables [3][64]byte
	for i := range tables {
		for k := range tables[i] {
			tables[i][k] = byte(3 + 5*i + k%4)
		}
	}
	for count, used := range map[int][3]int{1: {0, 0, 0}, 2: {0, 1, 1}, 3: {0, 1, 2}} {
		var d rtp.JPEGDepacketizer
		img, packet := noise(t, 200, 1, tables[:count]...)
		_, again := noise(t, 200, 2)
		red := tables[used[2]]
		img.Luma, img.Chroma, img.Red = tables[used[0]], tables[used[1]], &red
		want, err := stdjpeg.Decode(bytes.NewReader(jpeg.Append(nil, img)))
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range push(t, &d, packet, again) { // the second refers to the first one's tables
			got, err := stdjpeg.Decode(bytes.NewReader(file))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d tables, picture %d: another picture, or %v", count, i, err)
			}
		}
	}
}

// TestThreeTablesAreNotSent has a picture with three tables refused: the packets carry two.
func TestThreeTablesAreNotSent(t *testing.T) {
	img := picture(1000, 0)
	img.Red = new([64]byte)
	if _, err := newPacketizer(t, 1452, 16).Packetize(nil, img, 0); err == nil {
		t.Error("a picture with three tables is taken")
	}
}

// TestDepacketizeSize takes the size of pictures whose packets have none from the SDP.
func TestDepacketizeSize(t *testing.T) {
	p := []byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 1, 50, 0, 0, 1, 2, 3}
	d := rtp.JPEGDepacketizer{Width: 2592, Height: 1944}
	config, err := stdjpeg.DecodeConfig(bytes.NewReader(push(t, &d, p)[0]))
	if err != nil || config.Width != 2592 || config.Height != 1944 {
		t.Errorf("%dx%d, %v", config.Width, config.Height, err)
	}
	p[18], p[19] = 2, 3 // a size in the packets is the pictures' own
	if config, err = stdjpeg.DecodeConfig(bytes.NewReader(push(t, &d, p)[0])); err != nil || config.Width != 16 || config.Height != 24 {
		t.Errorf("%dx%d, %v", config.Width, config.Height, err)
	}
}

func TestBeginsJPEG(t *testing.T) {
	packets, err := newPacketizer(t, 300, 4).Packetize(nil, picture(1000, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range cut(packets) {
		if rtp.BeginsJPEG(p) != (i == 0) {
			t.Errorf("packet %d", i)
		}
	}
	if rtp.BeginsJPEG(nil) || rtp.BeginsJPEG(packets.Packet(0)[:15]) {
		t.Error("a packet without a payload begins a picture")
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		offset uint32
		at     time.Duration
		want   uint32
	}{
		{0, 0, 0}, {5, time.Second, 90005}, {0, time.Second / 30, 2999}, {0, 100 * time.Microsecond, 9},
		{0xffffffff, time.Second, 89999}, {0, 47721858844444 + 50000, 4}, // it wraps after 2^32/90000 s
		{0, 365 * 24 * time.Hour, uint32(uint64(365*24*3600*90000) % (1 << 32))},
	} {
		if got := rtp.NewClock(c.offset).At(c.at); got != c.want {
			t.Errorf("NewClock(%d).At(%v) = %d, want %d", c.offset, c.at, got, c.want)
		}
	}
}
