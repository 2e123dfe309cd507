package cast

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// A stream of JPEG or of pixels may have a rendition of H.264, and one of H.264 that of the pictures it is
// made of. Each is a Stream of the same name, with readers, packets and figures of its own; only one
// of them is listed. That of H.264 is made of a tap of the other's source, and runs while it is watched.

// encodedLinger is how long frames are encoded without readers: players describe, hang up, and come back.
const encodedLinger = 5 * time.Second

// addEncoded adds a stream that delivers what is made of its source's pictures.
func (b *Broadcaster) addEncoded(name string, source capture.Source, o StreamOptions) (*Stream, error) {
	of := o
	of.Encode, of.Encoded, of.ParamsChanged = nil, false, nil
	of.StateChanged = func(*Stream, State, error) {} // what becomes of it the stream of H.264 reports
	if of.AwaitReader && of.Linger == 0 {
		of.Linger = time.Millisecond // what was delivered to learn what it is comes again for the first reader
	}
	pictures := b.newAside(name, source, of, "pictures")
	encoded, err := b.encode(pictures, o)
	if err != nil {
		return nil, errors.Join(err, source.Close(), pictures.Close())
	}
	encoded.pictures = pictures
	b.listed = append(b.listed, encoded)
	b.begin(pictures, source)
	b.begin(encoded, encoded.supervisor.source)
	return encoded, nil
}

// newAside makes a stream that is not listed.
func (b *Broadcaster) newAside(name string, source capture.Source, o StreamOptions, rendition string) *Stream {
	s := newStream(b, name, source, o)
	s.isAside, s.log = true, s.log.With("rendition", rendition)
	b.streams = append(b.streams, s)
	return s
}

// encode makes the stream of H.264 of another one's pictures. It is not begun.
func (b *Broadcaster) encode(pictures *Stream, o StreamOptions) (*Stream, error) {
	source, err := o.Encode(pictures.Tap())
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", pictures.name, err)
	}
	s := newStream(b, pictures.name, source, StreamOptions{
		AwaitReader: true, Linger: encodedLinger, ParamsChanged: o.ParamsChanged, StateChanged: o.StateChanged,
	})
	b.streams = append(b.streams, s)
	return s, nil
}

// Rendition is the stream of this one's pictures in a format: the stream itself, or the one that it is made of,
// or one of H.264 that is made of it by StreamOptions.Encode, when that is asked for first. It has the same
// name, is not in Streams, and ends with this one. It is nil if there is none. A stream of which it is not
// known yet what it delivers is its own rendition. The error says why H.264 cannot be made.
func (s *Stream) Rendition(format media.Format) (*Stream, error) {
	isOf := func(s *Stream) bool { return s.params != nil && s.params.Format == format }
	switch {
	case isOf(s):
		return s, nil
	case s.pictures != nil && isOf(s.pictures):
		return s.pictures, nil
	case s.params == nil:
		return s, nil
	case s.encoded != nil && format == media.H264:
		return s.encoded, nil
	case format != media.H264 || s.options.Encode == nil || s.params.Format.Dependent() || s.over() != nil:
		return nil, nil
	}
	o := s.options
	o.ParamsChanged, o.StateChanged = nil, nil
	encoded, err := s.broadcaster.encode(s, o)
	if err != nil {
		return nil, err
	}
	encoded.isAside, encoded.log = true, encoded.log.With("rendition", "H.264")
	s.encoded = encoded
	s.broadcaster.begin(encoded, encoded.supervisor.source)
	return encoded, nil
}

// Renditions are the streams of this one's pictures that there are: the stream itself, and then others, which are
// not in Streams.
func (s *Stream) Renditions() []*Stream {
	all := []*Stream{s}
	s.renditions(func(r *Stream) { all = append(all, r) })
	return all
}

// renditions calls visit with the streams that end with this one.
func (s *Stream) renditions(visit func(*Stream)) {
	for _, r := range []*Stream{s.pictures, s.encoded} {
		if r != nil {
			visit(r)
		}
	}
}
