package cast

import "github.com/camcast/camcast/loop"

// losses ends what can no longer be sent to over UDP when the sending is over. It is noticed in
// the middle of a send; and whoever is told of it may close the stream that is being sent.
type losses struct {
	timer *loop.Timer
	lost  []interface{ lose() }
}

func (l *losses) init(b *Broadcaster) {
	l.timer = b.loop.NewTimer(func() {
		lost := l.lost
		l.lost = nil
		for _, reader := range lost {
			reader.lose()
		}
	})
}

// add has reader told in the next turn.
func (l *losses) add(b *Broadcaster, reader interface{ lose() }) {
	l.lost = append(l.lost, reader)
	l.timer.Set(b.loop.Now())
}

// lose ends a session that could not be sent to.
func (s *Session) lose() { s.End("unreachable: " + s.lost.Error()) }

// lose tells the observer of a reader that could not be sent to, unless the reader has left since.
func (o *readerObserver) lose() {
	err := o.lost
	o.lost = nil
	if !o.reader.reader.Gone() {
		o.observer.Lost(err)
	}
}
