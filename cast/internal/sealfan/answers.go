package sealfan

import "github.com/camcast/camcast/loop"

// After an outage that many readers share, all of them ask for a hundred packets at once. Each answer is sealed and sent in a system
// call of its own, which takes 10 us: those of a thousand readers would hold the loop for a second. So the readers wait in a queue. A task of
// a budget of its own, which has its turn after the sweeps', sends one answer to each of them in turn. Probes of readers that are held back
// wait there, too.
//
// A full socket holds up nobody: what it does not take is dropped. A reader that gets no answer asks again.

const (
	// waitingPerReader is how many answers wait for one reader at most: those for a lost key frame of 2 Mbit/s.
	waitingPerReader = 64
	// waitingMost is how many wait for all readers: 40 ms of sending. Then a reader is refused for which one waits already.
	waitingMost = 1 << 12
)

// asker is a reader in the queue, and what it is to be sent.
type asker struct {
	reader *Reader
	next   *asker
	probe  probe // it is none if its frame is 0
	// sequences has the packets that it is to be sent again: count of them from first on, counted round.
	sequences    [waitingPerReader]uint16
	first, count uint8
}

// take takes the packet off that was asked for first.
func (q *asker) take() uint16 {
	sequence := q.sequences[q.first]
	q.first = (q.first + 1) % waitingPerReader
	q.count--
	return sequence
}

// answers is the queue of a Fan.
type answers struct {
	fan  *Fan
	task *loop.Task
	// first and last are of the readers that wait, and unused are for further ones, until all readers have left.
	first, last, unused *asker
	waiting             int // answers
}

func (a *answers) init(f *Fan) {
	a.fan = f
	a.task = f.config.Answers.NewTask(a.advance)
}

// stop ends sending for good.
func (a *answers) stop() {
	a.task.Stop()
	for a.first != nil {
		a.pop().reader.asks = nil
	}
	a.unused, a.waiting = nil, 0
}

// hasRoom reports whether one more answer may wait for a reader.
func (a *answers) hasRoom(r *Reader) bool {
	return r.asks == nil || r.asks.count == 0 || r.asks.count < waitingPerReader && a.waiting < waitingMost
}

// add adds an answer, for which there is room. It is sent later in the turn, even if there is time now: frames that are due go first.
func (a *answers) add(r *Reader, sequence uint16) {
	q := a.queue(r)
	q.sequences[(q.first+q.count)%waitingPerReader] = sequence
	q.count++
	a.waiting++
}

// addProbe adds a probe, instead of one that waits.
func (a *answers) addProbe(r *Reader, p probe) { a.queue(r).probe = p }

// queue returns the reader's asker, which it queues if there is none.
func (a *answers) queue(r *Reader) *asker {
	if r.asks != nil {
		return r.asks
	}
	q := a.unused
	if q == nil {
		q = new(asker)
	}
	a.unused, q.next = q.next, nil
	q.reader, r.asks = r, q
	a.push(q)
	a.task.Later()
	return q
}

func (a *answers) push(q *asker) {
	if a.first == nil {
		a.first = q
	} else {
		a.last.next = q
	}
	a.last = q
}

func (a *answers) pop() *asker {
	q := a.first
	a.first, q.next = q.next, nil
	return q
}

// advance sends to readers in turn what waits for them.
func (a *answers) advance() {
	clock := a.fan.config.Loop.Kernel()
	for a.first != nil {
		if a.fan.config.Answers.Spent(clock.Monotonic()) {
			a.task.Later()
			break
		}
		a.sendOne()
	}
	a.fan.sweeps.TellLost()
}

// sendOne sends the next reader one of the things that wait for it.
func (a *answers) sendOne() {
	q := a.pop()
	switch r := q.reader; {
	case r.gone || r.resting != 0:
		a.waiting -= int(q.count)
		q.count, q.probe = 0, probe{}
	case q.probe.frame > 0:
		r.sendProbe(q.probe)
		q.probe = probe{}
	default:
		a.waiting--
		r.resend(q.take())
	}
	if q.count > 0 {
		a.push(q)
		return
	}
	q.reader.asks = nil
	*q = asker{next: a.unused}
	if a.unused = q; len(a.fan.layouts) == 0 { // all readers have left
		a.unused = nil
	}
}
