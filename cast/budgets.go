package cast

import (
	"time"

	"github.com/camcast/camcast/loop"
)

// How long each kind of work may hold the loop in a turn. Together, with what a turn costs
// besides, they leave a frame in time at 60 frames a second.
const (
	sweepBudget    = 4 * time.Millisecond
	answerBudget   = time.Millisecond
	datagramBudget = time.Millisecond
	acceptBudget   = 250 * time.Microsecond
	requestBudget  = 500 * time.Microsecond
	// Shares of all time, so that the loop sleeps between however much is asked (Budget.LimitShare).
	answerShare  = 0.1
	acceptShare  = 0.1
	requestShare = 0.25
)

// budgets are those of a Broadcaster, in the order in which the loop runs what waits.
type budgets struct {
	sweeps, answers, datagrams, accepting, requests *loop.Budget
}

func newBudgets(l *loop.Loop) budgets {
	b := budgets{l.NewBudget(sweepBudget), l.NewBudget(answerBudget), l.NewBudget(datagramBudget), l.NewBudget(acceptBudget), l.NewBudget(requestBudget)}
	b.answers.LimitShare(answerShare)
	b.accepting.LimitShare(acceptShare)
	b.requests.LimitShare(requestShare)
	return b
}

func (b *budgets) close() {
	b.sweeps.Close()
	b.answers.Close()
	b.datagrams.Close()
	b.accepting.Close()
	b.requests.Close()
}

// Accepting is the budget of taking connections, whatever the front: 0.25 ms a turn, and a tenth of
// all time.
func (b *Broadcaster) Accepting() *loop.Budget { return b.budgets.accepting }

// Requests is the budget of all connections that viewers make requests on, whatever the front:
// 0.5 ms a turn, and a quarter of all time. What a front does for them is to be tasks of it.
func (b *Broadcaster) Requests() *loop.Budget { return b.budgets.requests }

// PutOff is how often work had to wait for the next turn of the loop, as its budget was spent.
type PutOff struct {
	// Sweeps sends frames to UDP readers (4 ms a turn for all of them), Answers sends packets again to
	// WebRTC readers (1 ms), Datagrams receives RTCP and requests to join (1 ms), and Requests accepts and reads connections
	// (0.75 ms).
	Sweeps, Answers, Datagrams, Requests uint64
}

// PutOff returns the counts so far.
func (b *Broadcaster) PutOff() PutOff {
	return PutOff{b.budgets.sweeps.PutOff(), b.budgets.answers.PutOff(), b.budgets.datagrams.PutOff(), b.budgets.accepting.PutOff() + b.budgets.requests.PutOff()}
}
