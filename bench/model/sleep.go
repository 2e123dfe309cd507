package model

import "time"

// sleeping is what the project's ancestor did: a thread per reader, here a goroutine,
// which sleeps a tenth of a second whenever it has sent all there is. So readers get a
// few frames in a row, and late. Otherwise it is the goroutine model.
type sleeping struct{ perReader }

const nap = 100 * time.Millisecond

func init() {
	Register(Entry{Name: "sleep", Transport: UDP, New: func() Model { return &sleeping{} }})
}

func (m *sleeping) Start(b *Broadcast) error {
	return m.start(b, func(*cursor[*Frame]) { time.Sleep(nap) })
}
