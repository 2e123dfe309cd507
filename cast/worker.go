package cast

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// goWork runs a job on a goroutine of its own, and what it returns on the loop. Jobs wait for a
// device or code a picture. Few run at a time: each source and each stream has one at most.
func (b *Broadcaster) goWork(job func() (done func())) {
	go func() {
		if done := job(); done != nil {
			_ = b.loop.Post(done) // if the loop is closed it does not run: nothing may run elsewhere
		}
	}()
}

// transcodingNice is how much higher the nice value (setpriority(2)) of threads that transcode is than the
// process's own.
const transcodingNice = 10

// goTranscode runs a job as goWork does, on a thread of lower priority. A picture takes it so long that
// it would keep the loop, the other streams' encoders and viewers on the same machine waiting for a CPU.
// The thread is the job's alone, and ends with it: not every process may raise a priority again.
func (b *Broadcaster) goTranscode(job func() (done func())) {
	b.goWork(func() (done func()) {
		runtime.LockOSThread()
		lowerPriority()
		return job()
	})
}

// lowerPriority lowers that of the calling thread. If that fails, the thread runs as others do.
func lowerPriority() {
	if raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil { // the system call returns 20 less the nice value
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 20-raw+transcodingNice)
	}
}
