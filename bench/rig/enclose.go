package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// enclosedVariable tells the enclosed program that it is one.
	enclosedVariable = "CAMCAST_ENCLOSED"
	// notEnclosed is the status of one that could not be: it has done nothing yet. A test's own
	// are 0 to 2.
	notEnclosed = 125
	// namesFolder is where ip(8) keeps the names of network namespaces.
	namesFolder = "/run/netns"
)

// Enclose has this program leave nothing behind, however it ends: by itself, by a signal (SIGKILL,
// too) or by a time-out of go test. It is called first thing by main or TestMain, and needs what
// Missing looks for; without, it does nothing.
//
// The program is started once more, as the first process of a PID namespace with a mount namespace
// of its own, and only there does Enclose return. When that process ends the kernel ends all others
// in it, and so removes what was theirs: the names of network namespaces, thus these and their
// interfaces and rules, and the temporary folder, whose files are in memory.
func Enclose() {
	if os.Getenv(enclosedVariable) != "" {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "rig: what an interrupted run leaves behind will stay:", err)
			os.Exit(notEnclosed)
		}
		return
	}
	if Missing() != "" {
		return
	}
	status, err := runEnclosed()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig: what an interrupted run leaves behind will stay:", err)
		return
	}
	if status != notEnclosed {
		os.Exit(status)
	}
}

// runEnclosed runs this program enclosed and returns its exit status.
func runEnclosed() (status int, err error) {
	// The kernel takes the thread for the parent (Pdeathsig): it must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slices.Contains(os.Args, "-test.paniconexit0") { // a child of go test ends with it
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
			return 0, os.NewSyscallError("prctl", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), enclosedVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	signals := make(chan os.Signal, 4)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGQUIT { // of which it prints where its goroutines are
				s = syscall.SIGKILL // the first process of a namespace may ignore the others
			}
			_ = cmd.Process.Signal(s) // it may have ended
		case <-ended:
			if w := cmd.ProcessState.Sys().(syscall.WaitStatus); w.Signaled() {
				return 128 + int(w.Signal()), nil
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}

// enter gives the namespaces their own processes, names and temporary folder.
func enter() error {
	temporary := filepath.Join(namesFolder, "tmp")
	return errors.Join(
		os.Unsetenv(enclosedVariable),
		os.NewSyscallError("mount /proc", unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")),
		os.MkdirAll(namesFolder, 0o755),
		os.NewSyscallError("mount "+namesFolder, unix.Mount("tmpfs", namesFolder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")),
		os.Mkdir(temporary, 0o777|os.ModeSticky),
		os.Setenv("TMPDIR", temporary),
	)
}
