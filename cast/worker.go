package cast

// goWork runs a job on a goroutine of its own, and what it returns on the loop. Jobs wait for a
// device or a file. Few run at a time: each source and each stream has one at most.
func (b *Broadcaster) goWork(job func() (done func())) {
	go func() {
		if done := job(); done != nil {
			_ = b.loop.Post(done) // if the loop is closed it does not run: nothing may run elsewhere
		}
	}()
}
