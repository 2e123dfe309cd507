package fanout

import (
	"testing"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// TestLevelsOfGroups has readers lose a share of streams of several shapes, twice.
func TestLevelsOfGroups(t *testing.T) {
	for _, c := range []struct {
		name                         string
		group, frames, gap, spare    uint32
		lost                         uint32 // of 1000
		want, then, trialFrames, end uint8  // then: thinned again; end: how many parts a trial has
	}{
		{"no frame that none needs", 400, 30, 0, 0, 50, keysLevel, keysLevel, trialFrames, 3},
		{"a third that none needs", 400, 30, 7, 85, 50, neededLevel, keysLevel, trialFrames, 3},
		{"a third, and more is lost than that", 400, 30, 7, 85, 400, keysLevel, keysLevel, trialFrames, 3},
		{"half, and a third is lost", 400, 30, 7, 128, 333, neededLevel, keysLevel, trialFrames, 3},
		{"a large group without such frames", 3000, 30, 0, 0, 500, 0, 0, 0, 0},
		{"a large group with some", 3000, 30, 7, 85, 500, neededLevel, neededLevel, trialFrames, 3},
		{"with too many in a row", 5000, 30, 3000, 200, 500, 0, 0, 0, 0},
		{"long groups, of which one is enough", 2900, 300, 7, 85, 50, neededLevel, keysLevel, trialFrames, 1},
	} {
		e := evidence{sent: 1000, dependent: true, group: c.group, groupFrames: c.frames, gap: c.gap, disposable: c.spare}
		report := func(s adaption, at, lost uint32) adaption {
			e.at, e.lost = at, lost
			return adapt(s, e)
		}
		s := report(report(adaption{}, 1000, c.lost), 3000, c.lost)
		if s.level != c.want {
			t.Errorf("%s: level %d, want %d", c.name, s.level, c.want)
		}
		if again := report(report(s, 5000, 300), 7000, 300); again.level != c.then {
			t.Errorf("%s: thinned again to level %d, want %d", c.name, again.level, c.then)
		}
		if s.level == 0 {
			continue
		}
		parts := uint8(0)
		for at := uint32(13000); ; at += 1000 {
			before := s.level
			if s = report(s, at, 0); s.level < before {
				break
			}
			if parts++; parts == 1 && s.trialFrames(e) != int(c.trialFrames) {
				t.Errorf("%s: a trial of %d frames, want %d", c.name, s.trialFrames(e), c.trialFrames)
			}
		}
		if parts != c.end {
			t.Errorf("%s: a trial of %d parts, want %d", c.name, parts, c.end)
		}
		if c.spare == 0 && s.level != 0 {
			t.Errorf("%s: back to level %d, which is no other than level 0", c.name, s.level)
		}
	}
}

// TestShapeOfGroups measures groups of pictures.
func TestShapeOfGroups(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	h.enters("reader")
	h.frames("KdxxdKdxxxdx")
	s := h.fanout.pictures.longest()
	if s.packets == 0 || s.frames != 7 || s.gap != 6 || s.disposable != 4 {
		t.Errorf("%+v", s)
	}
}

// TestShapeOfGroupsInAnotherForm has the form go by which frames were counted: those of another one count on, though it counts its
// packets from another number on.
func TestShapeOfGroupsInAnotherForm(t *testing.T) {
	var p Pictures
	first := uint32(1000)
	count := func(kinds string) {
		for _, kind := range kinds {
			p.Count(&ring.Frame{Frame: media.Frame{Key: kind == 'K', Disposable: kind == 'x'}}, &ring.Wire{Packets: rtp.Packets{Count: 2}, First: first})
			first += 2
		}
	}
	count("KdxxKdxx")
	first = 3
	count("Kd")
	if e := p.evidence(OwnEvidence{}); e.disposable != 128 || e.groupFrames != 4 {
		t.Errorf("%+v", e)
	}
	if s := p.groups.longest(); s.packets != 8 || s.disposable != 4 {
		t.Errorf("%+v", s)
	}
}
