package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/view"
	pion "github.com/pion/rtcp"
)

// requests is a session that counts the key frames that are asked for.
type requests struct {
	receive.Session
	t     *testing.T
	count int
}

func (r *requests) Report(packet []byte) {
	packets, err := pion.Unmarshal(packet)
	if err != nil {
		r.t.Error(err)
	}
	for _, p := range packets {
		if pli, ok := p.(*pion.PictureLossIndication); ok && pli.MediaSSRC == 9 {
			r.count++
		}
	}
}

// TestKeyFramesAreAskedFor begins in the middle of a group, and loses a packet later: nothing is shown
// until a key frame comes, which is asked for once a second.
func TestKeyFramesAreAskedFor(t *testing.T) {
	data, err := os.ReadFile("../../proto/nal/testdata/baseline.h264")
	if err != nil {
		t.Fatal(err)
	}
	stream := nal.NewStream(h264.NewAssembler(1 << 20))
	stream.Push(data)
	stream.End()
	var frames []media.Frame
	for f, ok, err := stream.Next(); ok; f, ok, err = stream.Next() {
		if err != nil {
			t.Fatal(err)
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
	p := newPeer(t)
	r := p.viewer.readers[0]
	asked := &requests{Session: r.session, t: t}
	r.reception.Stop()
	r.session, r.reception = asked, receive.NewReception(r.viewer.loop, asked, receive.ReceptionConfig{
		Buffer: view.NewBuffer(r.viewer.settings.buffer), Picture: r.picture, Random: rand.Float64,
	})
	r.Started(receive.Start{Format: media.H264})
	p.run(time.Second) // what was asked of the JPEG before is over
	packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PayloadType: 96, SSRC: 9, PacketSize: 300, RunPackets: 8})
	if err != nil {
		t.Fatal(err)
	}
	timestamp := uint32(0)
	send := func(f *media.Frame, lost bool) {
		packets, err := packetizer.Packetize(nil, f, timestamp)
		if err != nil {
			t.Fatal(err)
		}
		for i := range packets.Count {
			if !lost {
				r.RTP(packets.Packet(i))
			}
		}
		timestamp += 9000
		p.run(100 * time.Millisecond)
	}
	expect := func(when string, shown, requests uint64) {
		t.Helper()
		if got := r.frames; got != shown || asked.count != int(requests) {
			t.Errorf("%s: %d pictures, %d requests; want %d, %d", when, got, asked.count, shown, requests)
		}
	}
	if !frames[0].Key || frames[1].Key {
		t.Fatal("the clip begins otherwise")
	}
	before := r.frames
	for range 25 {
		send(&frames[1], false)
	}
	expect("in the middle of a group", before, 3)
	send(&frames[0], false)
	send(&frames[1], false)
	send(&frames[2], false)
	expect("after a key frame", before+3, 3)
	send(&frames[3], true)
	send(&frames[4], false)
	send(&frames[1], false)
	expect("after a loss", before+3, 4)
	send(&frames[0], false)
	send(&frames[1], false)
	expect("after another key frame", before+5, 4)
}
