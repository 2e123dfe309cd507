package pipe

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/bytestream"
	"golang.org/x/sys/unix"
)

// Formats are what Options.Format may be.
var Formats = bytestream.Formats

// Options are the settings of a pipe; the zero value of each field is useful.
type Options struct {
	// Path is a FIFO. Without it the source is stdin.
	Path string
	// Format is one of Formats: "auto" (the default) finds it out by the first bytes.
	Format string
	// FramesPerSecond is the nominal rate, 0.01 to 1000. 0: that of the stream's parameter sets, or 25.
	FramesPerSecond float64
	// MaxFrame is the size in bytes of the largest frame, 1024 to 1 GB (capture.DefaultMaxFrame). It
	// bounds the memory.
	MaxFrame int
	// Log gets what is no report to the host (discarded).
	Log *slog.Logger
}

// Source is stdin or a FIFO. It implements capture.Source.
type Source struct {
	*bytestream.Source
	path    string
	session *session // nil: closed
}

// session is a pipe from Open to Close.
type session struct {
	host  capture.Host
	state atomic.Int32
	fd    int // -1: not open
	err   error
	bytes *bytestream.Session
}

// The states of a session: Close and the end of the job that opens are each on a goroutine of its own.
const (
	opening int32 = iota
	opened
	cancelled
)

// New makes a source. Its errors say what is wrong with the options, or with stdin (CheckStdin).
func New(o Options) (*Source, error) {
	name := o.Path
	if name == "" {
		name = "stdin"
		if err := CheckStdin(); err != nil {
			return nil, err
		}
	}
	b, err := bytestream.NewSource(bytestream.Options{Source: name, Format: o.Format, FramesPerSecond: o.FramesPerSecond, MaxFrame: o.MaxFrame, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Source{Source: b, path: o.Path}, nil
}

// CheckStdin says why stdin cannot be a source: it is neither a pipe nor a socket.
func CheckStdin() error {
	var status unix.Stat_t
	if err := unix.Fstat(0, &status); err != nil {
		return fmt.Errorf("stdin: %w", os.NewSyscallError("fstat", err))
	}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK:
		return nil
	case unix.S_IFREG:
		return errors.New("stdin is a file, not a pipe; name the file instead")
	}
	return errors.New("stdin is no pipe; write: PROGRAM | camcast -")
}

// Open begins to read. The source is live with the first frame. A FIFO whose program ends is lost, stdin
// has ended. What cannot be read as frames has failed, or is lost if there were frames before.
func (s *Source) Open(host capture.Host) {
	c := &session{host: host, fd: -1}
	s.session = c
	host.Work(func() func() {
		c.fd, c.err = open(s.path)
		if !c.state.CompareAndSwap(opening, opened) {
			_ = c.release() // it was closed meanwhile
			return nil
		}
		return func() { s.opened(c) }
	})
}

// open opens the pipe, so that reading never blocks. It is run by a job.
func open(path string) (fd int, err error) {
	if path == "" {
		fd, err = unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
		}
		return fd, err
	}
	for {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, os.NewSyscallError("open", err)
		}
	}
}

// opened follows the end of the job.
func (s *Source) opened(c *session) {
	if s.session != c {
		return
	}
	if c.err == nil {
		c.bytes, c.err = s.Read(c.host, c.fd, s.path != "", func() {}, func(err error) { s.over(c, err) })
	}
	if c.err != nil {
		c.host.Lost(fmt.Errorf("%s: %w", s.Options.Source, c.err))
	}
}

var (
	errNothing = errors.New("stdin has ended without a picture")
	errWriter  = errors.New("the program that wrote into the FIFO has ended; waiting for the next one")
)

// over takes the end of the stream.
func (s *Source) over(c *session, err error) {
	isEnd, isStdin := errors.Is(err, io.EOF), s.path == ""
	switch {
	case isEnd && isStdin && s.Describe().Params != nil:
		c.host.Ended()
	case isEnd && isStdin:
		c.host.Failed(errNothing)
	case isEnd:
		c.host.Lost(fmt.Errorf("%s: %w", s.path, errWriter))
	case isStdin:
		c.host.Failed(fmt.Errorf("stdin: %w", err)) // which is lost only if it was live
	default:
		c.host.Lost(fmt.Errorf("%s: %w", s.path, err))
	}
}

// Close ends reading.
func (s *Source) Close() error {
	c := s.session
	if c == nil {
		return nil
	}
	s.session = nil
	if c.state.CompareAndSwap(opening, cancelled) { // the job closes what it opens
		return nil
	}
	if c.bytes != nil {
		c.bytes.Stop()
	}
	return c.release()
}

// release closes the fd.
func (c *session) release() error {
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

var _ capture.Source = (*Source)(nil)
