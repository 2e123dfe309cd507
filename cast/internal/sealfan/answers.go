package sealfan

import (
	"time"

	"github.com/camcast/camcast/loop"
)

// After an outage that many readers share, all of them ask for a hundred packets at once. Each answer is sealed and sent in a system
// call of its own, which takes 10 us: those of a thousand readers would hold the loop for a second. So they wait in a queue, and a task of the sweeps' budget sends them in the order in which they were asked for.

const (
	// answersMost is how many answers wait at most: 40 ms of sending. A reader that is refused asks again.
	answersMost = 1 << 12
	// answersSlice is how long answers may hold the loop in a turn, of the budget that they share with the sweeps.
	answersSlice = time.Millisecond
	// answersPause is how long they wait for a full socket.
	answersPause = 2 * time.Millisecond
)

// answer is a packet that a reader is to be sent again.
type answer struct {
	reader   *Reader
	sequence uint16
}

// answers are those of a Fan that wait.
type answers struct {
	fan *Fan
	// list has those that wait from next on.
	list  []answer
	next  int
	task  *loop.Task
	timer *loop.Timer
}

func (a *answers) init(f *Fan) {
	a.fan = f
	a.task = f.config.Budget.NewTask(a.advance)
	a.timer = f.config.Loop.NewTimer(a.task.Later)
}

// stop ends sending for good.
func (a *answers) stop() {
	a.task.Stop()
	a.timer.Stop()
	a.clear()
}

func (a *answers) clear() {
	clear(a.list[a.next:])
	a.list, a.next = a.list[:0], 0
}

// full reports whether there is no room for one more.
func (a *answers) full() bool { return len(a.list) == answersMost }

// add adds an answer. It is sent later in the turn, even if there is time now: frames that are due go first.
func (a *answers) add(one answer) {
	a.list = append(a.list, one)
	if len(a.list) == 1 {
		a.task.Later()
	}
}

// advance sends those that wait.
func (a *answers) advance() {
	clock := a.fan.config.Loop.Kernel()
	end := clock.Monotonic() + answersSlice
	for ; a.next < len(a.list); a.next++ {
		now := clock.Monotonic()
		if now >= end || a.fan.config.Budget.Spent(now) {
			a.task.Later()
			return
		}
		one := &a.list[a.next]
		if !one.reader.resend(one.sequence) {
			a.timer.Set(now + answersPause)
			return
		}
		*one = answer{} // it may have been the last that holds a reader
	}
	a.clear()
}
