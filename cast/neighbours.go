package cast

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Readers of a machine that does not answer ARP rest (fanout.Reader.Rest), until it answers or
// something comes from them. If a reader stays silent its session times out.

// neighbours is the news of machines on the local networks.
type neighbours struct {
	broadcaster  *Broadcaster
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

// watchNeighbours has the kernel tell which machines answer. Where it does not, nobody rests.
func (b *Broadcaster) watchNeighbours() {
	fd, err := b.loop.Kernel().OpenNeighbours()
	if err != nil {
		b.config.Log.Debug("the kernel does not tell which machines do not answer", "error", err)
		return
	}
	n := &neighbours{broadcaster: b, fd: fd, answer: map[netip.Addr]bool{}}
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
		count, err := n.broadcaster.loop.Kernel().ReadNeighbours(n.fd, n.news[:])
		if errors.Is(err, unix.ENOBUFS) {
			n.broadcaster.restNobody() // machines that do not answer are reported again
			clear(n.answer)
			continue
		}
		if err != nil {
			if err != unix.EAGAIN && err != unix.EINTR {
				n.broadcaster.noMoreNews(err)
			}
			break
		}
		for _, news := range n.news[:count] {
			n.answer[news.Addr] = news.Answers
		}
	}
	n.broadcaster.machinesAnswer(n.answer)
}

// noMoreNews gives the news up, which cannot be read any more. Nobody rests from now on.
func (b *Broadcaster) noMoreNews(err error) {
	b.config.Log.Warn("the kernel no longer tells which machines do not answer", "error", errors.Join(err, b.closeNeighbours()))
	b.restNobody()
}

// machinesAnswer has readers rest whose machines do not answer, and others go on.
func (b *Broadcaster) machinesAnswer(answer map[netip.Addr]bool) {
	silence := false
	for _, answers := range answer {
		silence = silence || !answers
	}
	for _, s := range b.streams {
		if silence || s.rendition.resting() > 0 {
			s.rendition.eachUDP(func(r *fanout.Reader) {
				if answers, known := answer[r.RTPAddress().Addr()]; known {
					r.Rest(!answers)
				}
			})
			s.rendition.private.fan.Each(func(r *sealfan.Reader) {
				if answers, known := answer[r.Peer().Addr()]; known {
					r.Rest(!answers)
				}
			})
		}
	}
}

// restNobody has all readers go on.
func (b *Broadcaster) restNobody() {
	for _, s := range b.streams {
		if s.rendition.resting() > 0 {
			s.rendition.eachUDP(func(r *fanout.Reader) { r.Rest(false) })
			s.rendition.private.fan.Each(func(r *sealfan.Reader) { r.Rest(false) })
		}
	}
}
