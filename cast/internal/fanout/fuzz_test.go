package fanout

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtcp"
)

// script hands out the numbers that a fuzzer's bytes are. After the last byte all are 0.
type script struct{ rest []byte }

func (s *script) more() bool { return len(s.rest) > 0 }

func (s *script) bytes(n int) []byte {
	b := make([]byte, n)
	s.rest = s.rest[copy(b, s.rest):]
	return b
}

func (s *script) byte() byte     { return s.bytes(1)[0] }
func (s *script) uint16() uint16 { return binary.BigEndian.Uint16(s.bytes(2)) }
func (s *script) uint32() uint32 { return binary.BigEndian.Uint32(s.bytes(4)) }

// FuzzLedger compares the ledger with one that forgets nothing.
func FuzzLedger(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		type sentFrame struct{ first, before, count uint32 }
		s := script{in}
		var l ledger
		var all []sentFrame
		next, sent := s.uint32(), uint32(0)
		for s.more() {
			switch kind := s.byte(); {
			case kind == 0 && len(all) > 0:
				last := all[len(all)-1]
				l.takeBack()
				all, sent = all[:len(all)-1], last.before
				next = last.first
			default:
				next += uint32(s.byte()) // frames that other sweeps have sent
				count := uint32(kind%16) + 1
				l.enter(next, int(count))
				all = append(all, sentFrame{next, sent, count})
				next, sent = next+count, sent+count
			}
			if l.sent != sent {
				t.Fatalf("%d packets are counted, %d were sent", l.sent, sent)
			}
			index := next - 1 - uint32(s.byte())*uint32(s.byte())
			want, wantKnown := uint32(0), false
			for _, e := range all[max(0, len(all)-ledgerFrames):] {
				if int32(index-e.first) >= 0 {
					want, wantKnown = e.before+min(index-e.first+1, e.count), true
				}
			}
			if got, known := l.upTo(index); known != wantKnown || known && got != want {
				t.Fatalf("up to %d: %d packets (known: %v), want %d (%v)", index, got, known, want, wantKnown)
			}
		}
	})
}

// FuzzAdapt gives the rule of thinning any row of reports.
func FuzzAdapt(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		reports := script{in}
		var s adaption
		at := reports.uint32()
		row, rowBegan := 0, uint32(0) // of reports that told of loss
		for reports.more() {
			at += uint32(reports.uint16())
			flags := reports.byte()
			e := evidence{at: at, sent: uint32(reports.uint16()), lost: uint32(reports.uint16()), frame: uint32(reports.uint16()), group: 20 * uint32(reports.uint16())}
			e.groupFrames = uint32(flags >> 2 & 15 * 20)
			if flags&64 != 0 {
				e.disposable, e.gap = uint32(flags), e.frame
			}
			if e.dependent = flags&1 != 0; flags&2 != 0 {
				e.sent, e.lost, e.frame = e.sent<<16, e.lost<<16, e.frame<<16
			}
			was := s
			if s = adapt(was, e); s != adapt(was, e) {
				t.Fatal("the rule decides in two ways")
			}
			switch {
			case e.sent == 0: // a report about nothing
			case !e.lossy():
				row = 0
			case row == 0:
				row, rowBegan = 1, e.at
			default:
				row++
			}
			deepest := e.deepest()
			switch {
			case s.level >= thinLevels || s.level > deepest || s.row > lossyReports:
				t.Fatalf("%+v after %+v", s, e)
			case s.level > 0 && !e.dependent && uint64(1<<s.level-1)*uint64(e.frame) >= gapLimit,
				e.dependent && (s.level > keysLevel || s.level == keysLevel && e.group >= gapLimit || s.level == neededLevel && deepest < neededLevel):
				t.Fatalf("level %d, at which players take a gap for a new stream: %+v", s.level, e)
			case s.level > was.level && (row < lossyReports || e.at-rowBegan < lossyTime):
				t.Fatalf("thinned from %d to %d by %d reports of loss in %d ms", was.level, s.level, row, e.at-rowBegan)
			case s.level+1 < was.level && s.level < deepest && !e.dependent:
				t.Fatalf("from level %d to %d by one report", was.level, s.level)
			case s.level < was.level && s.level < deepest && (was.part == 0 || was.part < 2 && !e.dependent):
				t.Fatalf("level %d is left without a trial", was.level)
			case s.part > 0 && (s.level == 0 || s.tries() >= s.level || s.trialFrames(e) < 1 || s.trialFrames(e) > maxTrial):
				t.Fatalf("a trial of %+v", s)
			}
			for _, length := range s.length {
				if length > maxLength {
					t.Fatalf("%+v: trials have no end", s)
				}
			}
		}
	})
}

// FuzzReports has readers send RTCP of any bytes, while frames go out: what the broadcaster
// counts and what comes to the readers agree, whatever they report.
func FuzzReports(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		s := script{in[:min(len(in), 4096)]}
		settings := s.byte()
		format := media.JPEG
		if settings&1 != 0 {
			format = media.H264
		}
		h := newSimHall(t, 1, format)
		readers := []*visitor{h.enters("a"), h.enters("b")}
		figures := h.fanout.config.Figures
		for s.more() {
			r := readers[s.byte()%2]
			switch kind := s.byte(); kind % 8 {
			case 0, 1:
				for range kind/8 + 1 {
					h.frame(format == media.JPEG || h.ring.Newest()%8 == 0)
					h.run(10 * time.Millisecond)
				}
			case 2:
				h.run(time.Duration(s.uint16()) * time.Millisecond)
			case 3: // RTCP as it comes from the network
				_ = rtcp.Parse(s.bytes(int(s.byte())), rtcp.Visitor{Report: r.Reported})
			default:
				newest := uint32(h.fanout.config.NextSequence() - 1)
				r.Reported(rtcp.ReceptionReport{
					FractionLost: s.byte(), CumulativeLost: int32(s.uint32()) >> (s.byte() % 32), HighestSequence: newest - uint32(s.byte()),
				})
			}
			checkFigures(t, h, readers, figures)
		}
		h.run(time.Second)
		for _, r := range readers {
			if r.half > 0 || r.Frames() != uint64(len(r.whole)) {
				t.Fatalf("%s: %d frames are counted, %d came, and half of %d", r.name, r.Frames(), len(r.whole), r.half)
			}
			r.Leave()
		}
		if figures.Thinned != 0 || h.fanout.Readers() != 0 {
			t.Fatalf("all have left, and %d of %d are thinned", figures.Thinned, h.fanout.Readers())
		}
	})
}

// checkFigures fails unless the figures are those of the readers.
func checkFigures(t *testing.T, h *simHall, readers []*visitor, figures *sending.Figures) {
	t.Helper()
	thinned, levels := uint64(0), uint64(0)
	for _, r := range readers {
		if r.thinning == nil {
			continue
		}
		if level := r.thinning.level; level > 0 {
			thinned++
			levels += uint64(level)
		}
		if withheld := r.Withheld(); withheld < 0 || uint64(withheld) > uint64(h.fanout.config.Form.Packets()) {
			t.Fatalf("%s: %d packets were withheld of %d", r.name, withheld, h.fanout.config.Form.Packets())
		}
		if r.thinning.level >= thinLevels || h.fanout.dependent() && r.thinning.level > keysLevel {
			t.Fatalf("%s: level %d", r.name, r.thinning.level)
		}
	}
	if figures.Thinned != thinned || figures.ThinnedMore-figures.ThinnedLess != levels {
		t.Fatalf("%d are thinned, by %d-%d steps; counted are %d, by %d", thinned, figures.ThinnedMore, figures.ThinnedLess, figures.Thinned, levels)
	}
	if len(h.fanout.trials) > len(readers)*maxTrial {
		t.Fatalf("%d trials of %d readers", len(h.fanout.trials), len(readers))
	}
}
