package nal

import (
	"fmt"

	"github.com/camcast/camcast/media"
)

// Role is what a unit is in its access unit.
type Role uint8

const (
	// Dropped units are not part of frames: delimiters, filler data, other layers.
	Dropped Role = iota
	// Parameters are parameter sets. They are in a frame's Params.
	Parameters
	// Before the first slice stand these, such as SEI.
	Before
	// Slice is a part of the coded picture.
	Slice
	// After the first slice stand these.
	After
)

// Unit is what a Syntax says of a unit.
type Unit struct {
	Role Role
	// Begins: the unit is a slice that begins another picture than the slice before, or is one
	// that must not stand after a slice.
	Begins bool
	// First: the unit is the first slice of its picture, or a delimiter before it.
	First bool
	// Key: of a slice, that its picture can be decoded without any other.
	Key bool
	// Open: of a slice of a key frame, that pictures which are Leading may follow.
	Open bool
	// Leading: of a slice, that its picture may need pictures before the key frame that it follows
	// (H.265 marks them).
	Leading bool
	// Recovery: of a unit before a slice, that decoding may begin here. Pictures are whole
	// RecoveryFrames later, 0: at once.
	Recovery       bool
	RecoveryFrames uint32
	// Disposable: of a slice, that no other picture needs its picture.
	Disposable bool
	// Order is the slice's picture order count since the last key frame that resets it.
	Order int
	// Kind and ID say which parameter set it is: they are kept in this order.
	Kind, ID uint32
}

// Syntax reads the units of one format. It belongs to one Assembler.
type Syntax interface {
	// Inspect says what a unit is, which is not empty, and changes nothing. The error matches
	// ErrMalformed.
	Inspect(unit []byte, u *Unit) error
	// Take takes a unit for which Inspect gives u: parameter sets are kept, and the next slice
	// will be compared to this one. The error matches ErrMalformed.
	Take(unit []byte, u *Unit) error
	// Describe fills in Format, Width, Height and FramesPerSecond for the picture of the last
	// slice. The error matches ErrNoParameters.
	Describe(p *media.Params) error
}

// refreshFrames is after how many frames without a key frame decoding may begin where pictures
// are whole only later: streams with a gradual refresh have nothing else.
const refreshFrames = 250

// Assembler puts NAL units together into frames. Parameter sets are collected in the frames'
// Params, and not in their Bytes. It belongs to one goroutine.
//
// A frame is a key frame if it is an IDR picture (H.265: an IRAP picture), or a recovery point at
// which the picture is whole at once. In a stream that has had none of these for 250 frames
// recovery points with a gradual refresh count, too: the standard has decoders begin at them, and
// pictures are whole some frames later.
type Assembler struct {
	syntax Syntax
	most   int
	sets   sets
	params *media.Params
	made   media.Params // what Describe says
	dirty  bool         // the sets have changed since params was made

	unit Unit // what is being looked at
	// buffer is the frame's in hand, and last that of the frame that Finish has returned.
	buffer, last []byte
	frame        media.Frame
	sliced       bool // there is a slice in the frame in hand
	order        int
	// fault is why the frame in hand will not be one.
	fault    error
	recovery bool
	refresh  uint32 // the least RecoveryFrames
	since    int    // frames since the last key frame
	// isLed: frames that are shown before the last key frame, whose order is keyOrder, need frames before
	// that. They are told by their order.
	isLed    bool
	keyOrder int
}

// NewAssembler makes an assembler of frames of at most most bytes. Callers use h264.NewAssembler
// or h265.NewAssembler.
func NewAssembler(s Syntax, most int) *Assembler {
	return &Assembler{syntax: s, most: most, since: refreshFrames}
}

// Begins reports whether a unit is of another frame than the one in hand: Finish must be called
// before it is added.
func (a *Assembler) Begins(unit []byte) bool {
	if !a.sliced || len(unit) == 0 {
		return false
	}
	if a.syntax.Inspect(unit, &a.unit) != nil {
		return a.unit.Role == Slice // more likely another frame's
	}
	return a.unit.Begins || a.unit.Role == Before || a.unit.Role == Parameters
}

// Add adds a unit, and copies it. The error matches ErrMalformed: the unit is ignored. What is
// wrong with a slice is told by Finish, which then gives no frame.
func (a *Assembler) Add(unit []byte) error {
	if len(unit) == 0 {
		return fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	err := a.syntax.Inspect(unit, &a.unit)
	if a.unit.Role == Parameters && a.sets.has(a.unit.Kind, unit) {
		return nil
	}
	if err == nil {
		err = a.syntax.Take(unit, &a.unit)
	}
	if err != nil && a.unit.Role == Slice {
		a.sliced = true
		a.spoil(err)
		return nil
	}
	if err != nil {
		return err
	}
	switch a.unit.Role {
	case Dropped:
	case Parameters:
		a.dirty = true
		return a.sets.put(a.unit.Kind, a.unit.ID, unit)
	default:
		a.add(unit)
	}
	return nil
}

// add adds a unit that belongs to the frame.
func (a *Assembler) add(unit []byte) {
	if a.unit.Recovery {
		a.recovery, a.refresh = true, a.unit.RecoveryFrames
	}
	if a.unit.Role == Slice {
		if !a.sliced {
			a.sliced, a.order = true, a.unit.Order
			a.frame.Key, a.frame.Disposable = a.unit.Key, a.unit.Disposable
			a.frame.Open, a.frame.Leading = a.unit.Key && a.unit.Open, a.unit.Leading
			a.describe()
		}
		a.frame.Key = a.frame.Key && a.unit.Key
		a.frame.Disposable = a.frame.Disposable && a.unit.Disposable
	}
	switch {
	case a.fault != nil:
	case len(a.buffer)+LengthBytes+len(unit) > a.most:
		a.spoil(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, a.most))
	default:
		a.buffer = Append(a.buffer, unit)
	}
}

// spoil says that the frame in hand will not be one.
func (a *Assembler) spoil(err error) {
	a.buffer = a.buffer[:0]
	if a.fault == nil {
		a.fault = err
	}
}

// describe gives the frame its parameters, which are those before it while they are the same.
func (a *Assembler) describe() {
	a.made = media.Params{}
	if err := a.syntax.Describe(&a.made); err != nil {
		a.spoil(err)
		return
	}
	p, made := a.params, &a.made
	if p == nil || a.dirty || made.Width != p.Width || made.Height != p.Height || made.FramesPerSecond != p.FramesPerSecond {
		a.renew(*made)
	}
	a.frame.Params = a.params
}

// renew makes new parameters, with a higher version.
func (a *Assembler) renew(made media.Params) {
	a.dirty = false
	made.ParameterSets = a.sets.units()
	if a.params != nil {
		if made.Equal(a.params) {
			return
		}
		made.Version = a.params.Version + 1
	}
	a.params = &made
}

// Spoil says that something of the frame in hand is missing, as packets were lost: Finish gives
// no frame, and this error.
func (a *Assembler) Spoil(err error) { a.spoil(err) }

// Finish ends the frame in hand and returns it, false if no slice has come. Its Bytes are valid
// until the next Finish, its Params for good; Captured and Decode are the caller's to set. An error
// says why a frame was dropped: it matches ErrMalformed, ErrTooLarge or ErrNoParameters, or is
// the one given to Spoil.
func (a *Assembler) Finish() (frame media.Frame, ok bool, err error) {
	frame, ok, err = a.frame, a.sliced, a.fault
	if ok && err == nil {
		a.judge(&frame)
		frame.Bytes = a.buffer
		a.buffer, a.last = a.last, a.buffer
	}
	a.buffer = a.buffer[:0]
	a.frame, a.sliced, a.fault, a.recovery = media.Frame{}, false, nil, false
	if err != nil {
		return media.Frame{}, false, err
	}
	return frame, ok, nil
}

// judge decides whether a recovery point is a key frame. Frames that are shown before such a one are
// leading.
func (a *Assembler) judge(frame *media.Frame) {
	if !frame.Key && a.recovery && (a.refresh == 0 || a.since >= refreshFrames) {
		frame.Key, frame.Open = true, true
		a.isLed, a.keyOrder = true, a.order
	} else {
		a.isLed = a.isLed && !frame.Key && a.order < a.keyOrder
		frame.Leading = frame.Leading || a.isLed
	}
	if frame.Key {
		a.since = 0
	} else if a.since < refreshFrames {
		a.since++
	}
}

// Order is the picture order count of the last frame that Finish has returned (H.264, 8.2.1;
// H.265, 8.3.1): it grows in the order in which pictures are shown, by any steps, and begins
// anew at an IDR picture. A frame with a lower one than a frame before it is a B-frame's kind.
func (a *Assembler) Order() int { return a.order }

// Params are those of the last frame, nil before the first one.
func (a *Assembler) Params() *media.Params { return a.params }

// Starts reports whether nothing of a frame need have been sent before a unit: it is the first
// slice of a picture, or stands before it.
func (a *Assembler) Starts(unit []byte) bool {
	if len(unit) == 0 || a.syntax.Inspect(unit, &a.unit) != nil {
		return false
	}
	return a.unit.First || a.unit.Role == Before || a.unit.Role == Parameters
}
