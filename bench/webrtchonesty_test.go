package bench

import (
	"bytes"
	"slices"
	"testing"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// The models that lie to readers with keys of their own: in every tenth frame, and to one reader in each.
func init() {
	size := model.WebRTCFrames.PacketBytes
	for name, spoil := range map[string]func(sealed []byte) []byte{
		"webrtc-honest": func(sealed []byte) []byte { return sealed },
		"webrtc-drops":  func(sealed []byte) []byte { return sealed[size:] },
		"webrtc-forges": func(sealed []byte) []byte {
			sealed[2*size-1] ^= 1
			return sealed
		},
		"webrtc-swaps": func(sealed []byte) []byte {
			return slices.Concat(sealed[size:2*size], sealed[:size], sealed[2*size:])
		},
		"webrtc-resends": func(sealed []byte) []byte { return slices.Concat(sealed[:size], bytes.Clone(sealed)) },
	} {
		model.Register(model.Entry{Name: name, Transport: model.UDP, WebRTC: true, Private: true, Hidden: true, New: func() model.Model {
			last := uint64(0)
			return &model.SealedLimit{Spoil: func(frame uint64, sealed []byte) []byte {
				if frame%10 != 0 || frame == last {
					return sealed
				}
				last = frame
				return spoil(sealed)
			}}
		}})
	}
}

// TestPacketsHonesty has readers with keys of their own find each packet that is missing, misplaced or forged; of camcast and
// pion none is.
func TestPacketsHonesty(t *testing.T) {
	const readers, frames = 3, 30
	for name, want := range map[string]struct{ lost, missing, misplaced, forged int }{
		"webrtc-honest": {}, "webrtc-drops": {3, 3, 0, 0}, "webrtc-forges": {3, 3, 0, 3}, "webrtc-swaps": {3, 0, 3, 0}, "webrtc-resends": {0, 0, 3, 0},
		"webrtc": {}, "pion": {},
	} {
		run := needRun(t, measure.Setup{Net: "lo", Model: name, Readers: readers, FramesPerSecond: 100, CallsUncounted: true})
		for range frames {
			must(t, run.Frame())
		}
		result, err := run.Finish()
		must(t, err)
		g := result.Got
		if g.Lost != want.lost || g.PacketsMissing != want.missing || g.PacketsMisplaced != want.misplaced || g.PacketsForged != want.forged || g.Damaged+g.Stale != 0 {
			t.Errorf("%s: %+v, want %+v", name, g, want)
		}
		if least := readers * (frames - 5) * model.WebRTCFrames.FramePackets; g.Packets < least {
			t.Errorf("%s: %d packets came, want %d or more", name, g.Packets, least)
		}
	}
}
