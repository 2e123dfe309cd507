package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPasswordBytes is the length of the longest password.
const maxPasswordBytes = 1024

// readPassword asks for a user's password, a new one twice, or takes it from stdin if that is no terminal.
func (c console) readPassword(user string, isNew bool) (string, error) {
	fd := int(c.stdin.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil { // no terminal
		return readLine(bufio.NewReader(c.stdin))
	}
	show, err := hideTyping(fd, before)
	if err != nil {
		return "", err
	}
	defer show()
	keys := bufio.NewReader(c.stdin)
	first, err := c.ask(keys, "Password of "+printable(user)+": ")
	if err != nil || !isNew {
		return first, err
	}
	second, err := c.ask(keys, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

// ask asks for a line that is not shown when it is typed.
func (c console) ask(keys *bufio.Reader, question string) (string, error) {
	fmt.Fprint(c.stderr, question)
	line, err := readLine(keys)
	fmt.Fprintln(c.stderr) // the one that was typed was not shown
	return line, err
}

// readLine reads a password.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		if err == io.EOF || b == '\n' {
			break
		}
		if err != nil {
			return "", fmt.Errorf("the password cannot be read: %w", err)
		}
		if line = append(line, b); len(line) > maxPasswordBytes+1 { // one for a carriage return
			break
		}
	}
	password := strings.TrimSuffix(string(line), "\r")
	switch {
	case password == "":
		return "", errors.New("the password must not be empty")
	case len(password) > maxPasswordBytes:
		return "", fmt.Errorf("the password must have at most %d bytes", maxPasswordBytes)
	}
	return password, nil
}

// hideTyping has a terminal not show what is typed, until show is called or a signal ends the
// program.
func hideTyping(fd int, before *unix.Termios) (show func(), err error) {
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGCONT)
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		signal.Stop(signals)
		return nil, fmt.Errorf("the terminal cannot hide the password: %w", err)
	}
	go func() {
		defer close(done)
		for s := range signals {
			if s == syscall.SIGCONT { // the shell has had the terminal meanwhile
				_ = unix.IoctlSetTermios(fd, unix.TCSETS, &hidden) // it took it before
				continue
			}
			_ = unix.IoctlSetTermios(fd, unix.TCSETS, before)
			signal.Reset(s)
			_ = unix.Kill(unix.Getpid(), s.(syscall.Signal)) // which ends the program
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, before) // it took it before
	}, nil
}
