package sealfan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// Form is what of the packets a reader chooses.
type Form struct {
	PayloadType uint8
	// PlayoutDelayID is the number of the header extension for a playout delay, 1 to 14; 0: there is none.
	PlayoutDelayID uint8
	// DelayMin and DelayMax are what it says, in steps of 10 ms, up to MaxDelay.
	DelayMin, DelayMax uint16
}

const (
	// MaxDelay is the longest playout delay, in steps of DelayStep.
	MaxDelay  = 1<<12 - 1
	DelayStep = 10 * time.Millisecond
	// maxForms is how many forms a stream is laid out in at once: what readers choose costs memory and time
	// for each form. Browsers have two or three.
	maxForms = 16
)

// ErrForms is the error of a reader that would have the stream laid out in too many forms.
var ErrForms = errors.New("the stream is laid out in as many forms as it may be")

// Check says what is wrong with the form.
func (f Form) Check() error {
	switch {
	case f.PayloadType > 127:
		return fmt.Errorf("payload type %d: must be at most 127", f.PayloadType)
	case f.PlayoutDelayID > 14:
		return fmt.Errorf("header extension %d: must be 1 to 14", f.PlayoutDelayID)
	case f.DelayMin > f.DelayMax || f.DelayMax > MaxDelay:
		return fmt.Errorf("a playout delay of %d to %d steps: must be at most %d", f.DelayMin, f.DelayMax, MaxDelay)
	}
	return nil
}

// extension is the header extension of all packets, nil if there is none (RFC 8285, one-byte headers).
func (f Form) extension() []byte {
	const oneByteHeaders, words, dataBytes = 0xbede, 1, 3
	if f.PlayoutDelayID == 0 {
		return nil
	}
	e := binary.BigEndian.AppendUint16(nil, oneByteHeaders)
	e = binary.BigEndian.AppendUint16(e, words)
	return binary.BigEndian.AppendUint32(e, uint32(f.PlayoutDelayID<<4|(dataBytes-1))<<24|uint32(f.DelayMin)<<12|uint32(f.DelayMax))
}

// layout lays frames out in one form for all readers that want it. It is a ring.Layout.
type layout struct {
	fan  *Fan
	kind Form
	form *ring.Form
	// id is no other layout's, in all of the stream's time: what it lays out differs from what others do.
	id         uint32
	packetizer *rtp.NALPacketizer
	readers    int
}

// Has reports whether the stream is laid out in a form: one more reader that wants it costs no further one.
func (f *Fan) Has(kind Form) bool {
	return slices.ContainsFunc(f.layouts, func(l *layout) bool { return l.kind == kind })
}

// FormsOf is in how many forms the stream is laid out for some readers alone. For a form that others want, too, it is found out
// by few of them as a rule.
func (f *Fan) FormsOf(some func(*Reader) bool) (n int) {
	for _, l := range f.layouts {
		if !slices.ContainsFunc(f.groups, func(g *group) bool {
			return g.layout == l && slices.ContainsFunc(g.readers, func(r *Reader) bool { return !r.gone && !some(r) })
		}) {
			n++
		}
	}
	return n
}

// layout returns the one of a form, which it makes for the first reader.
func (f *Fan) layout(kind Form) (*layout, error) {
	for _, l := range f.layouts {
		if l.kind == kind {
			return l, nil
		}
	}
	if len(f.layouts) == maxForms {
		return nil, ErrForms
	}
	p, err := rtp.NewNALPacketizer(rtp.NALConfig{
		Format: media.H264, PayloadType: kind.PayloadType, SSRC: f.config.SSRC,
		PacketSize: f.config.PacketBytes, RunPackets: f.config.RunPackets, Extension: kind.extension(),
	})
	if err != nil {
		return nil, err
	}
	f.lastLayout += layoutStep
	l := &layout{fan: f, kind: kind, id: f.lastLayout, packetizer: p}
	l.form = f.config.Ring.NewLazyForm(l)
	f.layouts = append(f.layouts, l)
	return l, nil
}

// layoutStep leaves numbers for the same packets with other timestamps (layout.squeezed), and for probes.
const layoutStep = 3

// squeezed is the number of the packets that one reader is caught up with.
func (l *layout) squeezed() uint32 { return l.id + 1 }

// probes is the number of the probes of readers that are held back. It is near the layout's, so that srtp.Private keeps both in one window.
func (l *layout) probes() uint32 { return l.id + 2 }

// Lay implements ring.Layout. Sequence numbers are written by what seals the packets.
func (l *layout) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	return l.packetizer.Packetize(dst, &f.Frame, l.fan.config.Clock.At(f.Captured))
}
