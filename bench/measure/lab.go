package measure

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"golang.org/x/sys/unix"
)

// Lab has the networks and brokers that runs need, and keeps them for the next run. Close
// removes them.
type Lab struct {
	rigs    map[string]*rig.Rig
	brokers map[string]*broker
}

// AbsentError says why something cannot be measured here, and what is to be done.
type AbsentError struct{ Why string }

func (e AbsentError) Error() string { return "absent: " + e.Why }

// Rig returns a network by its name. The error is an AbsentError if the machine, or
// whoever runs this, cannot have it.
func (l *Lab) Rig(name string) (*rig.Rig, error) {
	if r := l.rigs[name]; r != nil {
		return r, nil
	}
	r, err := rig.New(name)
	if missing := (rig.MissingError{}); errors.As(err, &missing) {
		return nil, AbsentError{fmt.Sprintf("net=%s %v", name, missing)}
	}
	if err != nil {
		return nil, err
	}
	if l.rigs == nil {
		l.rigs = map[string]*rig.Rig{}
	}
	l.rigs[name] = r
	return r, nil
}

// broker returns the RabbitMQ in a network, at work.
func (l *Lab) broker(net string, r *rig.Rig) (*broker, error) {
	if b := l.brokers[net]; b != nil {
		return b, b.thaw()
	}
	b, err := startBroker(r)
	if err != nil {
		return nil, err
	}
	if l.brokers == nil {
		l.brokers = map[string]*broker{}
	}
	l.brokers[net] = b
	return b, nil
}

// CloseBrokers ends the brokers, so that the next run has a fresh one: they do not give back all
// the memory that readers have taken.
func (l *Lab) CloseBrokers() error {
	var errs []error
	for _, b := range l.brokers {
		errs = append(errs, b.stop())
	}
	l.brokers = nil
	return errors.Join(errs...)
}

// Close removes all.
func (l *Lab) Close() error {
	errs := []error{l.CloseBrokers()}
	for _, r := range l.rigs {
		errs = append(errs, r.Close())
	}
	l.rigs = nil
	return errors.Join(errs...)
}

// CloseOnSignal closes the lab when SIGINT or SIGTERM comes, and ends the process then. Where the
// process is enclosed (rig.Enclose) nothing would be left anyhow; without root it is not.
func (l *Lab) CloseOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		if err := l.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}()
}

// present says why a model cannot be measured with so many readers, if so.
func present(e model.Entry, readers int) error {
	if e.Missing != nil {
		if missing := e.Missing(); missing != "" {
			return AbsentError{fmt.Sprintf("model=%s needs %s", e.Name, missing)}
		}
	}
	if e.MostReaders > 0 && readers > e.MostReaders {
		return AbsentError{fmt.Sprintf("model=%s with %d readers: %s", e.Name, readers, e.Why)}
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		return AbsentError{"taskset, of Debian's package util-linux"}
	}
	return raiseFileLimit(readers)
}

// raiseFileLimit has enough descriptors for as many readers, here and in child processes.
func raiseFileLimit(readers int) error {
	need := uint64(readers + 1000)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= need {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: need, Max: max(need, limit.Max)}); err != nil {
		return AbsentError{fmt.Sprintf("%d readers need as many file descriptors: ulimit -n %d", readers, need)}
	}
	return nil
}
