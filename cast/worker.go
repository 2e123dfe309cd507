package cast

// goWork runs a job on a goroutine of its own, and what it returns on the loop. Most jobs wait
// for a device, and few run at a time.
func (b *Broadcaster) goWork(job func() (done func())) {
	go func() {
		if done := job(); done != nil {
			_ = b.loop.Post(done) // if the loop is closed it does not run: nothing may run elsewhere
		}
	}()
}
