package cast

import (
	"math"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
)

// joiner has readers join by the RTP port alone (proto/join/PROTOCOL.md). It keeps nothing
// of those who have not proved their address.
type joiner struct {
	cast    *Broadcaster
	cookies *join.Cookies
	answer  []byte
	listed  []*Stream // scratch
	readers []*joinedReader
	timer   *loop.Timer // when readers are looked at that may be gone
	// quietUntil is when a refusal may be logged again: whoever has a cookie can ask
	// thousands of times a second.
	quietUntil time.Duration
}

// joinedReader is a reader that has joined.
type joinedReader struct {
	joiner *joiner
	place  int // in joiner.readers
	udp    *UDPReader
	peer   netip.AddrPort
	heard  Feedback
	joined time.Duration
	alive  time.Duration // the last sign of life
}

func newJoiner(b *Broadcaster) *joiner {
	var secret [32]byte
	b.config.Random(secret[:])
	j := &joiner{cast: b, cookies: join.NewCookies(secret), answer: make([]byte, 0, join.MaxMessageBytes+join.MaxNameBytes)}
	j.timer = b.loop.NewTimer(j.expire)
	return j
}

// muxed is called with what came to an RTP port: RTCP of readers that have joined, and
// requests to join (RFC 5761, section 4). Players punch holes with junk there.
func (b *Broadcaster) muxed(pair *socketPair, d udp.Datagram) {
	if len(d.Payload) < 2 || d.Payload[0]>>6 != 2 || d.Payload[1] < 192 || d.Payload[1] > 223 {
		return
	}
	if join.Is(d.Payload) {
		b.joiner.request(pair, d)
		return
	}
	b.controlArrived(d)
}

// request answers a request. Whoever has no valid cookie gets one, and no more bytes than
// the request had.
func (j *joiner) request(pair *socketPair, d udp.Datagram) {
	r, err := join.ParseRequest(d.Payload)
	if err != nil {
		return
	}
	now := j.cast.loop.Now()
	if !j.cookies.Valid(now, d.From, &r) {
		j.answer = join.AppendChallenge(j.answer[:0], &r, j.cookies.Make(now, d.From, &r))
	} else if r.List {
		streams := j.streams()
		j.answer = join.AppendStreams(j.answer[:0], &r, len(streams), func(i int) join.Stream { return streams[i].joinable() })
	} else if reader, reason := j.admit(pair, d, &r); reason != 0 {
		j.answer = join.AppendRefusal(j.answer[:0], &r, reason)
	} else {
		accepted := j.acceptance(reader)
		j.answer = join.AppendAcceptance(j.answer[:0], &r, &accepted)
	}
	// If the socket is full, the reader asks again.
	_ = pair.rtp.SendTo(j.answer, d.From, d.To)
}

// streams are those that can be joined. The slice holds until the next call.
func (j *joiner) streams() []*Stream {
	j.listed = j.listed[:0]
	for _, s := range j.cast.streams {
		if !s.source.ended {
			j.listed = append(j.listed, s)
		}
	}
	return j.listed
}

// admit makes a reader, or finds the one that is there already.
func (j *joiner) admit(pair *socketPair, d udp.Datagram, r *join.Request) (*joinedReader, join.Reason) {
	b := j.cast
	s := b.stream(string(r.Stream))
	if len(r.Stream) == 0 && len(b.streams) == 1 {
		s = b.streams[0]
	}
	if s == nil {
		return nil, join.NoSuchStream
	}
	if s.source.ended || b.leaving {
		return nil, join.Unavailable
	}
	if before := b.byControl.find(d.From); before != nil {
		if reader, ok := before.observer.(*joinedReader); ok {
			if before.group.stream == s {
				reader.alive = b.loop.Now()
				return reader, 0
			}
			reader.leave("watches another stream")
		}
	}
	if b.config.MaxReaders > 0 && b.readers >= b.config.MaxReaders {
		j.logFull(d.From)
		return nil, join.Full
	}
	now := b.loop.Now()
	reader := &joinedReader{joiner: j, place: len(j.readers), peer: d.From, joined: now, alive: now}
	var err error
	if reader.udp, err = s.joinMuxed(pair, Place{RTP: d.From, RTCP: d.From, Source: d.To}, reader); err != nil {
		return nil, join.Unavailable
	}
	b.readers++
	j.readers = append(j.readers, reader)
	if len(j.readers) == 1 {
		j.timer.SetAfter(b.config.SessionTimeout / expiryShare)
	}
	s.log.Info("reader joined", "peer", reader.peer, "transport", "join", "readers", s.Readers())
	return reader, 0
}

// logFull logs that there is no room for a reader, at most once a second.
func (j *joiner) logFull(peer netip.AddrPort) {
	b := j.cast
	if now := b.loop.Now(); now >= j.quietUntil {
		j.quietUntil = now + time.Second
		b.config.Log.Warn("reader refused: there are as many as may be", "peer", peer, "max_readers", b.config.MaxReaders)
	}
}

func (j *joiner) acceptance(r *joinedReader) join.Acceptance {
	s := r.udp.group.stream
	return join.Acceptance{
		SSRC: s.ssrc, Stream: s.joinable(), Timeout: j.cast.config.SessionTimeout, Readers: uint32(s.Readers()),
	}
}

// joinable describes the stream to a reader that joins.
func (s *Stream) joinable() join.Stream {
	d := s.description
	return join.Stream{
		Name: s.name, Width: uint16(d.Width), Height: uint16(d.Height), MilliFPS: uint32(math.Round(1000 * d.FramesPerSecond)),
		PayloadType: rtp.PayloadTypeJPEG, ClockHz: rtp.ClockHz,
	}
}

// expiryShare is how many times within their timeout silent readers are looked for.
const expiryShare = 4

// expire ends readers that have been silent for too long.
func (j *joiner) expire() {
	now := j.cast.loop.Now()
	most := j.cast.config.SessionTimeout + j.cast.patience()
	for i := 0; i < len(j.readers); {
		r := j.readers[i]
		if now-r.alive >= most {
			r.leave("timeout") // the last one takes its place
			continue
		}
		i++
	}
	if len(j.readers) > 0 {
		j.timer.SetAfter(j.cast.config.SessionTimeout / expiryShare)
	}
}

// endReaders ends the readers of a stream that is over.
func (j *joiner) endReaders(s *Stream) {
	for i := 0; i < len(j.readers); {
		if r := j.readers[i]; r.udp.group.stream == s {
			r.leave("stream ended")
			continue
		}
		i++
	}
}

// Control takes RTCP from the reader: a sign of life, a report, or a goodbye.
func (r *joinedReader) Control(packet []byte) {
	s := r.udp.group.stream
	r.alive = s.cast.loop.Now()
	r.heard.Take(r.udp, packet)
	left := false
	_ = rtcp.Parse(packet, rtcp.Visitor{Bye: func(uint32) { left = true }})
	if left {
		r.leave("goodbye")
	}
}

// Lost ends a reader that can no longer be sent to.
func (r *joinedReader) Lost(err error) { r.leave(err.Error()) }

// leave ends the reader.
func (r *joinedReader) leave(reason string) {
	if r.udp.gone {
		return
	}
	s, j := r.udp.group.stream, r.joiner
	f := r.heard.Figures(r.udp)
	s.log.Info("reader left", "peer", r.peer, "reason", reason, "seconds", (s.cast.loop.Now() - r.joined).Round(time.Millisecond).Seconds(),
		"frames", f.Frames, "lags", f.Lags, "reports", f.Reports, "packets_lost", int(f.CumulativeLost)-f.Withheld, "jitter", f.Jitter)
	r.udp.Leave()
	s.cast.readers--
	last := len(j.readers) - 1
	j.readers[r.place] = j.readers[last]
	j.readers[r.place].place = r.place
	j.readers[last] = nil
	j.readers = j.readers[:last]
}
