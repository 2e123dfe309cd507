package cast

// goWork runs a job on a goroutine of its own, and what it returns on the loop. Most jobs wait
// for a device, and few run at a time.
func (b *Broadcaster) goWork(job func() (done func())) {
	go func() {
		done := job()
		if done != nil && b.loop.Post(done) != nil {
			// The loop is closed, so nothing runs on it any more, and what the job has
			// opened is closed here.
			done()
		}
	}()
}
