package cast

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// What is sent to a machine of the local network that is gone waits in the kernel for its
// link address, some 200 kB for three seconds, and then again. All of that is charged to
// the socket that every reader shares: a few such machines fill it, and everybody waits.
//
// So readers rest whose machine was asked for its link address in vain. They are sent no
// frames until the machine answers or something comes from them. Sender reports go on: each
// has the kernel ask once more. Who stays silent goes when the session times out.

// restLevel is the level, after those of thinning, of readers who rest. Its sweep sends
// nothing.
const restLevel = thinLevels

// neighbours is the news of machines on the local networks.
type neighbours struct {
	cast         *Broadcaster
	fd           int
	registration *loop.Registration
	news         [newsRoom]loop.Neighbour
	answer       map[netip.Addr]bool // scratch
}

const (
	newsRoom = 64
	// newsReads is how often news is read before others have a turn.
	newsReads = 64
)

// watchNeighbours listens to the news. Where there is none, nobody rests.
func (b *Broadcaster) watchNeighbours() {
	fd, err := b.loop.Kernel().OpenNeighbours()
	if err != nil {
		b.config.Log.Debug("the kernel does not tell which machines do not answer", "error", err)
		return
	}
	n := &neighbours{cast: b, fd: fd, answer: map[netip.Addr]bool{}}
	if n.registration, err = b.loop.Register(fd, loop.Readable, n.ready); err != nil {
		b.config.Log.Debug("what the kernel tells of other machines cannot be watched", "error", errors.Join(err, b.loop.Kernel().CloseFD(fd)))
		return
	}
	b.neighbours = n
}

func (b *Broadcaster) closeNeighbours() error {
	n := b.neighbours
	if n == nil {
		return nil
	}
	b.neighbours = nil
	return errors.Join(n.registration.Unregister(), b.loop.Kernel().CloseFD(n.fd))
}

// ready reads the news, and has readers rest and go on by it.
func (n *neighbours) ready(loop.Interest) {
	clear(n.answer)
	for range newsReads {
		count, err := n.cast.loop.Kernel().ReadNeighbours(n.fd, n.news[:])
		if errors.Is(err, unix.ENOBUFS) {
			n.cast.restNobody() // who does not answer will be told again
			clear(n.answer)
			continue
		}
		if err != nil {
			if err != unix.EAGAIN && err != unix.EINTR {
				n.cast.noMoreNews(err)
			}
			break
		}
		for _, news := range n.news[:count] {
			n.answer[news.Addr] = news.Answers
		}
	}
	n.cast.heardOf(n.answer)
}

// noMoreNews gives the news up, which cannot be read any more. Nobody rests from now on.
func (b *Broadcaster) noMoreNews(err error) {
	b.config.Log.Warn("the kernel no longer tells which machines do not answer", "error", errors.Join(err, b.closeNeighbours()))
	b.restNobody()
}

// heardOf applies what is known of whether machines answer.
func (b *Broadcaster) heardOf(answer map[netip.Addr]bool) {
	silence := false
	for _, answers := range answer {
		silence = silence || !answers
	}
	for _, s := range b.streams {
		if silence || s.figures.Resting > 0 {
			s.eachUDPReader(func(r *UDPReader) {
				if answers, known := answer[r.group.fan.Peer(int(r.place)).Addr()]; known {
					r.rest(!answers)
				}
			})
		}
	}
}

// restNobody has all readers go on.
func (b *Broadcaster) restNobody() {
	for _, s := range b.streams {
		if s.figures.Resting > 0 {
			s.eachUDPReader(func(r *UDPReader) { r.rest(false) })
		}
	}
}

// eachUDPReader calls visit with each reader, which may move it.
func (s *Stream) eachUDPReader(visit func(*UDPReader)) {
	for _, g := range s.groups {
		for i := len(g.readers) - 1; i >= 0; i-- { // one that moves leaves its place to a later one
			visit(g.readers[i])
		}
	}
}

// rest has the reader sent no frames, or frames again: from the next one on.
func (r *UDPReader) rest(resting bool) {
	if r.gone || r.resting == resting {
		return
	}
	s := r.group.stream
	r.resting = resting
	if resting {
		s.figures.Resting++
		s.log.Info("reader rests: its machine does not answer", "rtcp", r.controlAddress())
	} else {
		s.figures.Resting--
		s.log.Info("reader goes on", "rtcp", r.controlAddress())
	}
	r.settle()
}

// passOver is what the sweep of readers who rest does with a frame.
func (w *sweep) passOver() {
	w.last = w.stream.ring.newest
	if readers := w.group.size(); readers > 0 {
		w.lags++
		w.stream.lagged(1, readers)
	}
	w.group.endSweep()
}
