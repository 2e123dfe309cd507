package main

import (
	"os"
	"os/signal"
	"syscall"
)

// reload is something that SIGHUP has read again.
type reload struct {
	// what it is, in the log.
	what string
	// read reads it, on a goroutine that may wait, and returns what puts it into force. That is called
	// on the loop, and returns what is logged then, in pairs. With an error all stays as it was.
	read func() (apply func() (said []any), err error)
}

// reloadOnHangup reads again what d.reloads has, whenever SIGHUP comes, until the returned function is
// called. Without this the signal would end the daemon.
func (d *service) reloadOnHangup() (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			d.reload()
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

// reload reads everything again. What fails leaves the rest alone.
func (d *service) reload() {
	if len(d.reloads) == 0 {
		d.log.Info("SIGHUP has no effect: there is nothing to read again")
	}
	for _, r := range d.reloads {
		apply, err := r.read()
		if err != nil {
			d.log.Error("SIGHUP: cannot be read again, and stays as it was", "what", r.what, "error", err)
			continue
		}
		// A loop that is closed needs nothing new.
		_ = d.broadcaster.Loop().Post(func() {
			d.log.Info("SIGHUP: read again", append([]any{"what", r.what}, apply()...)...)
		})
	}
}
