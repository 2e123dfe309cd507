package model

// goroutines is a goroutine and a connected socket per reader, which writes packet by
// packet: what most Go programs do. The frames are in a ring, and a reader that has them
// all waits on a channel.
type goroutines struct{ perReader }

func init() {
	Register(Entry{Name: "goroutine", Transport: UDP, New: func() Model { return &goroutines{} }})
}

func (m *goroutines) Start(b *Broadcast) error {
	return m.start(b, func(c *cursor) { c.wait() })
}
