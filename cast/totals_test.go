package cast_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// filmed is an encoder that makes a film, whatever the pictures are.
type filmed struct {
	*film
	pictures capture.Source
}

func (f filmed) Close() error { return errors.Join(f.film.Close(), f.pictures.Close()) }

func (f filmed) Figures() capture.Figures {
	figures := f.film.Figures()
	figures.Skipped = 7
	return figures
}

// TestTotals has one reader of a stream's JPEGs, and two of the H.264 that is made of them. Its totals have all three, and what
// one of them reports; its own figures have the first alone.
func TestTotals(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	encode := func(pictures capture.Source) (capture.Source, error) { return filmed{p.film, pictures}, nil }
	if err := p.s.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.s, err = p.b.AddStream("desk", newCamera(t, p.k), cast.StreamOptions{Encode: encode}); err != nil {
		t.Fatal(err)
	}
	p.run(time.Second)
	of := p.s
	if p.s, err = of.Rendition(media.H264); err != nil || p.s == of {
		t.Fatal("no rendition of H.264", err)
	}
	known := false
	p.s.Await(func(err error) { known = err == nil })
	p.until(func() bool { return known })
	if _, known := of.MeanLoss(); known {
		t.Error("a loss that nobody has reported")
	}
	at := netip.MustParseAddrPort("10.0.2.1:5004")
	if _, err := of.Join(cast.Address{RTP: at, RTCP: at}, nil); err != nil {
		t.Fatal(err)
	}
	first := p.comes("10.0.2.2")
	p.comes("10.0.2.3")
	p.run(2 * time.Second)
	first.lies = 64
	first.report()
	p.run(100 * time.Millisecond)
	own, other, all := of.Figures(), p.s.Figures(), of.Totals()
	if own.Delivered == 0 || other.Delivered < own.Delivered || of.Readers() != 1 || all.Readers != 3 || all.NotEncoded != 7 {
		t.Fatalf("readers %d, %d in all; delivered %d and %d; %d not encoded", of.Readers(), all.Readers, own.Delivered, other.Delivered, all.NotEncoded)
	}
	if all.Frames != own.Frames || all.EncodedAge != own.EncodedAge || all.Delivered != own.Delivered+other.Delivered ||
		all.Packets != own.Packets+other.Packets || all.Bytes != own.Bytes+other.Bytes || all.Thinned != own.Thinned+other.Thinned ||
		all.FirstAge.Count != own.FirstAge.Count+other.FirstAge.Count || all.LastAge.Count != own.LastAge.Count+other.LastAge.Count ||
		all.LaidOutAge.Count != own.LaidOutAge.Count+other.LaidOutAge.Count {
		t.Errorf("%+v\n%+v\n%+v", own, other, all)
	}
	if share, known := of.MeanLoss(); share != 0.25 || !known {
		t.Errorf("loss %v, %v", share, known)
	}
}
