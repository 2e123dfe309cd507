package rtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// FuzzPush gives a depacketizer any packets: what it returns is a picture of a size that RTP can
// say, and the same packets give the same pictures.
func FuzzPush(f *testing.F) {
	for _, restart := range []uint16{0, 3} {
		p := newPacketizer(f, 300, 4)
		packets, err := p.Packetize(nil, picture(700, restart), 9)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packets.Packet(0), packets.Packet(1), packets.Packet(packets.Count-1))
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		packets := [][]byte{a, b, c, a}
		pictures := func() (all [][]byte, errs int, dropped uint64) {
			var d rtp.JPEGDepacketizer
			for _, p := range packets {
				before := bytes.Clone(p)
				picture, ok, err := d.Push(p)
				switch {
				case !bytes.Equal(p, before):
					t.Fatal("the packet is changed")
				case ok && err != nil:
					t.Fatal("a picture and an error")
				case err != nil && !errors.Is(err, rtp.ErrMalformed) && !errors.Is(err, rtp.ErrUnsupported):
					t.Fatal(err)
				case err != nil:
					errs++
				case ok:
					all = append(all, bytes.Clone(picture))
				}
			}
			return all, errs, d.Dropped
		}
		all, errs, dropped := pictures()
		again, _, _ := pictures()
		if !slices.EqualFunc(all, again, bytes.Equal) {
			t.Fatal("the same packets give other pictures")
		}
		if len(all)+errs+int(dropped) > len(packets) {
			t.Fatalf("%d pictures, %d errors and %d dropped ones of %d packets", len(all), errs, dropped, len(packets))
		}
		for _, p := range all {
			if width, height, err := jpeg.Size(p); err != nil || width < 8 || height < 8 || width%8+height%8 > 0 || width > 2040 || height > 2040 {
				t.Fatalf("a picture of %dx%d, %v", width, height, err)
			}
		}
	})
}

// FuzzTables has a picture's tables be scaled by any Q, or be any that are sent.
func FuzzTables(f *testing.F) {
	f.Fuzz(func(t *testing.T, q byte, first, later []byte) {
		packet := func(timestamp byte, tables []byte) []byte {
			p := []byte{0x80, 0x80 | 26, 0, 1, 0, 0, 0, timestamp, 1, 2, 3, 4, 0, 0, 0, 0, 1, q, 2, 2}
			if q >= 128 {
				p = binary.BigEndian.AppendUint16(append(p, 0, 0), uint16(len(tables)))
				p = append(p, tables...)
			}
			return append(p, 1, 2, 3)
		}
		var d rtp.JPEGDepacketizer
		known := [][]byte{}
		for i, tables := range [][]byte{first, later} {
			if len(tables) > 1000 {
				return
			}
			picture, ok, err := d.Push(packet(byte(i), tables))
			isSet := len(tables) == 64 || len(tables) == 128 || len(tables) == 192
			if isSet {
				known = append(known, tables)
			}
			var want []byte
			switch {
			case q == 0 || q >= 100 && q < 128:
			case q < 128:
				want = nil // checked below
			case isSet:
				want = tables
			case len(tables) == 0 && len(known) > 0 && q < 255:
				want = known[len(known)-1]
			}
			if usable := want != nil || q > 0 && q < 100; ok != usable || usable != (err == nil) {
				t.Fatalf("Q %d, tables of %d bytes: a picture is %v, %v", q, len(tables), ok, err)
			}
			if !ok {
				continue
			}
			var img jpeg.Image
			switch err := img.Parse(picture); {
			case err != nil && len(want) == 192: // which RTP could not carry on
				continue
			case err != nil:
				t.Fatal(err)
			}
			got := append(bytes.Clone(img.Luma[:]), img.Chroma[:]...)
			switch len(want) {
			case 64:
				want = append(bytes.Clone(want), want...)
			case 192: // of which the last two are equal
				want = want[:128]
			}
			if want != nil && !bytes.Equal(got, want) {
				t.Fatalf("Q %d: the tables are % x, want % x", q, got, want)
			}
			if want == nil && bytes.IndexByte(got, 0) >= 0 {
				t.Fatalf("Q %d: a table divides by zero: % x", q, got)
			}
		}
	})
}

// FuzzPacketize lays out any picture, in packets and runs of any size, and puts it together again.
func FuzzPacketize(f *testing.F) {
	f.Fuzz(func(t *testing.T, scan []byte, packetSize, runPackets int, restart uint16, width, height byte) {
		p, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{PacketSize: packetSize, RunPackets: runPackets})
		if err != nil || len(scan) == 0 || width == 0 || height == 0 {
			return
		}
		if l := p.Layout(); l.RunPackets < 1 || l.RunPackets > 64 || l.RunPackets*l.PacketSize > 65507 {
			t.Fatalf("%+v, which is more than one message takes", l)
		}
		img := picture(1, restart)
		img.Scan, img.Width, img.Height = scan, 8*int(width), 8*int(height)
		packets, err := p.Packetize(nil, img, 777)
		if err != nil {
			t.Fatal(err)
		}
		checkRuns(t, &packets)
		if p.NextSequence() != uint16(packets.Count) {
			t.Fatalf("the next sequence number is %d, after %d packets", p.NextSequence(), packets.Count)
		}
		var d rtp.JPEGDepacketizer
		got := push(t, &d, cut(packets)...)
		if want := jpeg.Append(nil, img); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Fatalf("%d pictures, want the one that was sent", len(got))
		}
	})
}

// FuzzSequence takes packets with any numbers, at any times: those that continue a row have the
// extended numbers that are nearest to the highest.
func FuzzSequence(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		var s rtp.Sequence
		now := time.Duration(0)
		for begun := false; len(in) >= 8; in = in[8:] {
			now += time.Duration(binary.BigEndian.Uint16(in)) * time.Millisecond
			sequence, timestamp := binary.BigEndian.Uint16(in[2:]), binary.BigEndian.Uint32(in[4:])
			before := s.Highest()
			number, verdict := s.Take(now, sequence, timestamp)
			after := s.Highest()
			switch {
			case verdict != rtp.Started && !begun:
				t.Fatal("the first packet does not count")
			case verdict == rtp.Strange && after != before:
				t.Fatalf("a strange packet makes %d the highest, after %d", after, before)
			case verdict == rtp.Started && (number != int64(sequence) || after != number):
				t.Fatalf("packet %d begins with number %d, and the highest is %d", sequence, number, after)
			case verdict == rtp.Continued && (uint16(number) != sequence || after != max(before, number)):
				t.Fatalf("packet %d has number %d, and the highest is %d, after %d", sequence, number, after, before)
			case verdict == rtp.Continued && (number-before >= 1<<15 || number-before <= -100):
				t.Fatalf("packet %d has number %d, after %d", sequence, number, before)
			}
			begun = true
		}
	})
}

// FuzzNALPacketize lays out frames of any units, in packets and runs of any size, and puts them
// together again.
func FuzzNALPacketize(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05\x41abcd\x00\x00\x02\x06\x41"), false, true, 300, 4)
	f.Add([]byte("\x00\x00\x00\x05\x02\x01\xd0cd\x00\x00\x02\x06\x02\x01\xd0"), true, true, 300, 4)
	f.Fuzz(func(t *testing.T, recipe []byte, isH265, key bool, packetSize, runPackets int) {
		format := media.H264
		if isH265 {
			format = media.H265
		}
		p, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: format, PayloadType: 96, SSRC: 0x01020304, PacketSize: packetSize, RunPackets: runPackets})
		if err != nil || len(recipe) > 40 {
			return
		}
		// The recipe has a unit's length in two bytes.
		frame := media.Frame{Params: madeFrame(t, format, true, 10).Params, Key: key}
		for ; len(recipe) >= 2; recipe = recipe[2:] {
			n := int(binary.BigEndian.Uint16(recipe)) % 20000
			unit := bytes.Repeat(recipe[:1], n+8)
			copy(unit, map[bool]string{false: "\x41\x9a\x21", true: "\x02\x01\xd0"}[isH265])
			frame.Bytes = nal.Append(frame.Bytes, unit)
		}
		packets, err := p.Packetize(nil, &frame, 777)
		if err != nil {
			if len(frame.Bytes) > 0 && p.Layout().PacketSize > 400 || p.NextSequence() != 0 {
				t.Fatal(err)
			}
			return
		}
		checkNAL(t, &packets, 0, packetSize, p.Layout().RunPackets)
		if p.NextSequence() != uint16(packets.Count) {
			t.Fatalf("the next sequence number is %d, after %d packets", p.NextSequence(), packets.Count)
		}
		d := rtp.NewNALDepacketizer(format, mostFrame)
		if err := d.SetParameters(frame.Params.ParameterSets); err != nil {
			t.Fatal(err)
		}
		if got := through(t, d, &packets); len(got) != 1 || !bytes.Equal(got[0].Bytes, frame.Bytes) {
			t.Fatalf("%d frames, want the one that was sent", len(got))
		}
	})
}

// FuzzNALPush gives a depacketizer any payloads: what it returns is whole units, within the limit.
func FuzzNALPush(f *testing.F) {
	for i, format := range []media.Format{media.H264, media.H265} {
		frame := madeFrame(f, format, true, 300, 20)
		packets, err := newNALPacketizer(f, format, 172, 64).Packetize(nil, &frame, 1)
		if err != nil {
			f.Fatal(err)
		}
		var all []byte
		for n := range packets.Count {
			all = append(append(all, byte(len(packets.Packet(n))-rtp.HeaderBytes), 0x81), packets.Packet(n)[rtp.HeaderBytes:]...)
		}
		f.Add(all, i == 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, isH265 bool) {
		format, most := media.H264, 1000
		if isH265 {
			format = media.H265
		}
		d := rtp.NewNALDepacketizer(format, most)
		for sequence := uint16(65530); len(in) >= 2; {
			// A length, and a byte of which bits are the marker, another timestamp, and how many
			// packets are lost before this one.
			n, b := min(int(in[0]), len(in)-2), in[1]
			sequence += 1 + uint16(b>>4&3)
			packet := []byte{0x80, 96 | b&0x80, byte(sequence >> 8), byte(sequence), 0, 0, 0, b & 3, 1, 2, 3, 4}
			packet = append(packet, in[2:2+n]...)
			in = in[2+n:]
			frame, ok, err := d.Push(packet)
			if err != nil {
				if ok || !errors.Is(err, rtp.ErrMalformed) && !errors.Is(err, rtp.ErrUnsupported) && !errors.Is(err, nal.ErrMalformed) &&
					!errors.Is(err, nal.ErrTooLarge) && !errors.Is(err, nal.ErrNoParameters) {
					t.Fatal(ok, err)
				}
			}
			if !ok {
				continue
			}
			if len(frame.Bytes) > most || frame.Params == nil || frame.Params.Width < 1 {
				t.Fatalf("a frame of %d bytes, %+v", len(frame.Bytes), frame.Params)
			}
			for rest := frame.Bytes; len(rest) > 0; {
				if _, rest, err = nal.Next(rest); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
