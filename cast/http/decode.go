package http

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
)

// maxDecoding is of how many streams frames may be decoded at once.
const maxDecoding = 2

// pictureWaiter is who waits for a picture that is being decoded.
type pictureWaiter struct {
	peer   netip.AddrPort
	answer func(*picture, error)
}

// errNoKeyFrame is why there is nothing to decode.
var errNoKeyFrame = &cast.Refusal{Kind: cast.Unavailable, Reason: "there is no key frame yet", RetryAfter: time.Second}

// decode calls answer on the loop, once, with a picture of a stream's newest key frame, counted until give. A job decodes
// it, once for all who ask meanwhile and later, also if it cannot be decoded. stop withdraws the question.
func (s *Server) decode(stream *cast.Stream, peer netip.AddrPort, answer func(*picture, error)) (stop func()) {
	n := &s.snapshots
	nothing := func() {}
	f, number, ok := stream.NewestKey()
	p, isDecoding := n.newest[stream], n.decoding[stream] != nil
	switch {
	case s.options.Decode == nil:
		answer(nil, carries(stream))
		return nothing
	case !ok:
		answer(nil, errNoKeyFrame)
		return nothing
	case p != nil && p.number == number:
		answer(s.count(p, peer))
		return nothing
	case !isDecoding && len(n.decoding) >= maxDecoding:
		answer(nil, errSnapshots)
		return nothing
	}
	one := &pictureWaiter{peer, answer}
	n.decoding[stream] = append(n.decoding[stream], one)
	if !isDecoding {
		f.Bytes = bytes.Clone(f.Bytes)
		s.broadcaster.Config().Code(func() (done func()) {
			jpeg, err := s.options.Decode(f)
			return func() { s.decoded(stream, jpeg, f.Captured, number, err) }
		})
	}
	return func() {
		if i := slices.Index(n.decoding[stream], one); i >= 0 {
			n.decoding[stream][i].answer = nil // the frame is decoded all the same
		}
	}
}

// decoded answers those who wait for a picture.
func (s *Server) decoded(stream *cast.Stream, jpeg []byte, captured time.Duration, number uint64, err error) {
	n := &s.snapshots
	waiting := n.decoding[stream]
	delete(n.decoding, stream)
	if s.closed {
		return
	}
	if err != nil {
		err = &cast.Refusal{Kind: cast.NotCarried, Reason: err.Error()}
	}
	p := n.keep(stream, jpeg, captured, number, err)
	for _, w := range waiting {
		if w.answer != nil {
			w.answer(s.count(p, w.peer))
		}
	}
}
