package http

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
)

// picture is a copy of a frame, or why there is none. Nothing changes it.
type picture struct {
	bytes  []byte
	fault  error // nil: there is a copy
	number uint64
	// captured is when it was taken, on the loop's clock.
	captured time.Duration
	taken    time.Time
	age      time.Duration // when it was asked for
	tag      string
}

// snapshots are the copies that are being sent. All of it belongs to the loop.
type snapshots struct {
	// newest are those of the streams' newest frames that somebody has asked for.
	newest map[*cast.Stream]*picture
	bytes  int
	// byAddress are the bytes that are sent to each address.
	byAddress map[netip.Prefix]int
	// decoding are the streams of which a frame is being decoded, and who waits for that.
	decoding map[*cast.Stream][]*pictureWaiter
}

// Copies of frames hold memory as long as clients take to read them: at most so many bytes in all, and of one
// address, which may have one picture of any size.
const (
	maxSnapshotBytes        = 64 << 20
	maxSnapshotBytesPerPeer = 16 << 20
)

func newSnapshots() snapshots {
	return snapshots{newest: map[*cast.Stream]*picture{}, byAddress: map[netip.Prefix]int{}, decoding: map[*cast.Stream][]*pictureWaiter{}}
}

// errSnapshots is why somebody must wait.
var errSnapshots = &cast.Refusal{Kind: cast.Unavailable, Reason: "too many pictures are being sent", RetryAfter: time.Second}

// take returns a copy of a frame, one for all who ask for it, and counts it until give.
func (s *Server) take(stream *cast.Stream, f media.Frame, number uint64, peer netip.AddrPort) (*picture, error) {
	p := s.snapshots.newest[stream]
	if p == nil || p.number != number {
		whole, err := jpeg.AppendComplete(nil, f.Bytes)
		if err != nil {
			err = &cast.Refusal{Kind: cast.Unavailable, Reason: fmt.Sprintf("the newest frame is no picture: %v", err)}
		}
		p = s.snapshots.keep(stream, whole, f.Captured, number, err)
	}
	return s.count(p, peer)
}

// keep keeps the picture of a stream's newest frame, or why there is none, for the others who ask for it.
func (n *snapshots) keep(stream *cast.Stream, whole []byte, captured time.Duration, number uint64, fault error) *picture {
	taken := stream.Wall(captured)
	if fault != nil {
		whole = nil
	}
	p := &picture{bytes: whole, fault: fault, number: number, captured: captured, taken: taken, tag: fmt.Sprintf(`"%x-%x"`, taken.UnixNano(), number)}
	for other := range n.newest {
		if other.State() == cast.Ended {
			delete(n.newest, other)
		}
	}
	n.newest[stream] = p
	return p
}

// count counts a picture as one that is sent to a peer, until give, and returns it as of now. The error says why there
// is none.
func (s *Server) count(p *picture, peer netip.AddrPort) (*picture, error) {
	if p.fault != nil {
		return nil, p.fault
	}
	n := &s.snapshots
	key := cast.CountedAs(peer.Addr())
	if used := n.byAddress[key]; used > 0 && used+len(p.bytes) > maxSnapshotBytesPerPeer || n.bytes > 0 && n.bytes+len(p.bytes) > maxSnapshotBytes {
		return nil, errSnapshots
	}
	n.bytes += len(p.bytes)
	n.byAddress[key] += len(p.bytes)
	copied := *p
	copied.age = max(s.loop.Now()-p.captured, 0)
	return &copied, nil
}

// give ends what take began.
func (n *snapshots) give(p *picture, peer netip.AddrPort) {
	n.bytes -= len(p.bytes)
	key := cast.CountedAs(peer.Addr())
	if n.byAddress[key] -= len(p.bytes); n.byAddress[key] <= 0 {
		delete(n.byAddress, key)
	}
}

// servePicture answers with a stream's newest picture.
func (s *Server) servePicture(w http.ResponseWriter, r *http.Request, name string) {
	peer, _ := peers(r)
	var p *picture
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		stopAwait, stopDecode := func() {}, func() {}
		stopAdmit := s.admit(r, name, cast.Watch, func(stream *cast.Stream, _ cast.Grant, err error) {
			if fault = err; fault != nil {
				done()
				return
			}
			if stream, fault = rendition(stream, media.JPEG); fault == nil && s.options.Decode == nil {
				fault = carries(stream)
			}
			if fault != nil {
				done()
				return
			}
			stopAwait = stream.AwaitFrame(func(f media.Frame, number uint64, err error) {
				if fault = err; fault == nil && f.Params.Format != media.JPEG {
					stopDecode = s.decode(stream, peer, func(decoded *picture, err error) {
						defer done()
						p, fault = decoded, err
					})
					return
				}
				defer done()
				if fault == nil {
					p, fault = s.take(stream, f, number, peer)
				}
			})
		})
		return func() {
			stopAdmit()
			stopAwait()
			stopDecode()
		}
	})
	if !answered {
		return
	}
	if p != nil {
		defer func() { _ = s.loop.Post(func() { s.snapshots.give(p, peer) }) }() // a loop that is closed counts nothing
	}
	switch {
	case fault != nil:
		s.refuse(w, r, fault)
	default:
		p.write(w, r)
	}
}

// write writes the response.
func (p *picture) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.tag)
	h.Set("Last-Modified", p.taken.UTC().Format(http.TimeFormat))
	h.Set("X-Frame-Age-Ms", strconv.FormatInt(p.age.Milliseconds(), 10))
	h.Set("Content-Type", "image/jpeg")
	// Without the time: Last-Modified has whole seconds, in which there are many pictures.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.bytes))
}
