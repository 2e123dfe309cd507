package main

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cmd/camview/term/pty"
	"github.com/camcast/camcast/cmd/camview/term/screen"
	"golang.org/x/sys/unix"
)

// person sits at a terminal in which the viewer runs. It is so large that each pixel of a
// test card has a place of its own, and the card's number can be read off the screen.
type person struct {
	t             *testing.T
	cmd           *exec.Cmd
	counting      bool // of colours
	master, slave *os.File
	before        unix.Termios
	screen        *screen.Screen
	seen          chan sight
	stderr        bytes.Buffer
	ended         chan error
}

// sight is what the screen shows after an update.
type sight struct {
	card   bool // a whole test card, and its number
	number uint32
	blocks int    // how many half blocks there are
	dense  int    // how many of the characters that stand for blocks without colours
	fronts int    // how many colours the characters have, if that is counted
	line   string // what stands below them
}

// sitDown starts the viewer in a terminal of 24-bit colour.
func sitDown(t *testing.T, args ...string) *person {
	t.Helper()
	return sitDownAt(t, false, []string{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR="}, args...)
}

// sitDownAt starts it in a terminal that the environment describes. counting: the person counts the
// colours, which takes time.
func sitDownAt(t *testing.T, counting bool, environment []string, args ...string) *person {
	t.Helper()
	const columns, rows = cardWidth, cardHeight/2 + 1
	p := &person{t: t, counting: counting, cmd: camview(t, args...), screen: screen.New(columns, rows), seen: make(chan sight, 1000), ended: make(chan error, 1)}
	var err error
	if p.master, p.slave, err = pty.Open(columns, rows); err != nil {
		t.Fatal(err)
	}
	p.before = p.termios()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.slave, p.slave, &p.stderr
	p.cmd.Env = append(os.Environ(), environment...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.watch()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // if the test failed; else it has ended
		p.slave.Close()
		<-watched // the last slave is closed
		p.master.Close()
	})
	return p
}

func (p *person) termios() unix.Termios {
	p.t.Helper()
	t, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *t
}

// watch looks at the screen until the terminal is closed.
func (p *person) watch() {
	const endOfUpdate = "\x1b[?2026l"
	var unread []byte
	buffer := make([]byte, 1<<16)
	for {
		n, err := p.master.Read(buffer)
		if err != nil { // EIO: nobody has the terminal open any more
			return
		}
		unread = append(unread, buffer[:n]...)
		for {
			i := bytes.Index(unread, []byte(endOfUpdate))
			if i < 0 {
				break
			}
			i += len(endOfUpdate)
			if _, err := p.screen.Write(unread[:i]); err != nil {
				p.t.Error(err)
				return
			}
			unread = unread[i:]
			p.seen <- p.look()
		}
		if bytes.HasSuffix(unread, []byte("\x1b[?1049l")) {
			if _, err := p.screen.Write(unread); err != nil {
				p.t.Error(err)
			}
			unread = nil
		}
	}
}

// look looks at the screen.
func (p *person) look() (s sight) {
	for y := range p.screen.Rows {
		line := p.screen.Line(y)
		blocks := strings.Count(line, "▀")
		s.dense += strings.Count(line, "@")
		if s.blocks += blocks; blocks == 0 && line != "" {
			s.line = line
		}
	}
	if p.counting {
		s.fronts = p.fronts()
	}
	number, _, err := testcard.Read(p.picture())
	s.number, s.card = number, err == nil
	return s
}

// fronts counts the colours that the characters of the picture have.
func (p *person) fronts() int {
	seen := map[color.RGBA]bool{}
	for y := range p.screen.Rows - 1 {
		for x := range p.screen.Columns {
			seen[p.screen.At(x, y).Front] = true
		}
	}
	return len(seen)
}

// picture is what the half blocks on the screen show.
func (p *person) picture() image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, p.screen.Columns, 2*(p.screen.Rows-1)))
	for y := range p.screen.Rows - 1 {
		for x := range p.screen.Columns {
			c := p.screen.At(x, y)
			for half, colour := range []color.RGBA{c.Front, c.Back} {
				picture.SetRGBA(x, 2*y+half, colour)
			}
		}
	}
	return picture
}

// await waits until the person sees something.
func (p *person) await(what string, seen func(sight) bool) sight {
	p.t.Helper()
	var last sight
	for deadline := time.After(patience); ; {
		select {
		case last = <-p.seen:
			if seen(last) {
				return last
			}
		case err := <-p.ended:
			p.t.Fatalf("the viewer ended (%v) before %s was seen: %s", err, what, p.stderr.String())
		case <-deadline:
			p.t.Fatalf("%s was not seen; the last sight was %+v", what, last)
		}
	}
}

func (p *person) press(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// awaitEnd waits until the viewer has ended well, and wants the terminal as it was.
func (p *person) awaitEnd() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil || p.stderr.Len() > 0 {
			p.t.Errorf("%v: %s", err, p.stderr.String())
		}
		p.ended <- nil
	case <-time.After(patience):
		p.t.Fatal("the viewer does not end")
	}
	if after := p.termios(); after != p.before {
		p.t.Errorf("termios %+v, want those before, %+v", after, p.before)
	}
}

// TestTerminal looks at a test card in a terminal: the pictures follow each other, q
// ends, and the terminal is as it was.
func TestTerminal(t *testing.T) {
	p := sitDown(t, startBroadcast(t, "cam").url("cam"))
	first := p.await("a test card", func(s sight) bool { return s.card })
	last := first.number
	for range 20 {
		next := p.await("the next card", func(s sight) bool { return s.card && s.number != last })
		if next.number < last {
			t.Errorf("number %d after %d", next.number, last)
		}
		last = next.number
	}
	p.await("figures", func(s sight) bool { return containsAll(s.line, "live", "fps ", "lost ") })
	p.press("q")
	p.awaitEnd()
}

// TestHold holds the picture without a history, and lets it go on.
func TestHold(t *testing.T) {
	p := sitDown(t, startBroadcast(t, "cam").url("cam"))
	p.await("a test card", func(s sight) bool { return s.card })
	p.press(" ")
	held := p.await("the word", func(s sight) bool { return strings.Contains(s.line, "held") })
	for range 2 { // the figures are still told
		line := held.line
		held = p.await("other figures", func(s sight) bool {
			if s.card && s.number != held.number {
				t.Errorf("number %d while %d is held", s.number, held.number)
			}
			return s.line != line
		})
	}
	p.press(" ")
	p.await("a later card", func(s sight) bool { return s.card && s.number > held.number+5 })
	p.press("\x03")
	p.awaitEnd()
}

// TestRewind goes back and forth. How far each key goes is view.History's test; a slow
// machine may leave out cards here.
func TestRewind(t *testing.T) {
	p := sitDown(t, "--rewind", "60s", startBroadcast(t, "cam").url("cam"))
	first := p.await("a test card", func(s sight) bool { return s.card })
	p.await("a card two seconds later", func(s sight) bool { return s.card && s.number >= first.number+2*cardFPS })

	p.press(" ")
	held := p.await("the word", func(s sight) bool { return s.card && strings.Contains(s.line, "held") })
	p.press("\x1b[D\x1b[D\x1b[D")
	back := p.await("three cards back", func(s sight) bool { return s.card && s.number <= held.number-3 })
	p.press("\x1b[C")
	forth := p.await("one card forth", func(s sight) bool { return s.card && s.number > back.number })
	if forth.number >= held.number {
		t.Errorf("number %d is one forth from %d", forth.number, back.number)
	}

	p.press(" ") // and on from there
	highest := p.await("later cards", func(s sight) bool { return s.card && s.number > forth.number+5 }).number
	p.press("\x1b[D") // a second back, once more whenever that was too late to be seen
	earlier, sights := uint32(0), 0
	p.await("an earlier card", func(s sight) bool {
		if sights++; sights%cardFPS == 0 {
			p.press("\x1b[D")
		}
		if !s.card || s.number >= highest {
			highest = max(highest, s.number)
			return false
		}
		earlier = s.number
		return strings.Contains(s.line, " -")
	})
	p.await("the cards after it", func(s sight) bool { return s.card && s.number > earlier })

	p.press("\x1b[F")
	p.await("the newest", func(s sight) bool { return s.card && s.number > highest && strings.Contains(s.line, "live") })
	p.press("q")
	p.awaitEnd()
}

// TestEndBySignal wants the terminal back after SIGTERM too.
func TestEndBySignal(t *testing.T) {
	p := sitDown(t, startBroadcast(t, "cam").url("cam"))
	p.await("a test card", func(s sight) bool { return s.card })
	if p.termios() == p.before {
		t.Error("the terminal is not in raw mode")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.awaitEnd()
}

// TestResize has the picture held while the terminal is made smaller: it is drawn anew.
func TestResize(t *testing.T) {
	p := sitDown(t, startBroadcast(t, "cam").url("cam"))
	p.await("a test card", func(s sight) bool { return s.card })
	p.press(" ")
	p.await("the word", func(s sight) bool { return strings.Contains(s.line, "held") })
	if err := pty.Resize(p.master, 100, 31); err != nil {
		t.Fatal(err)
	}
	p.await("a smaller card", func(s sight) bool { return s.blocks == 80*30 && strings.Contains(s.line, "held") })
	p.press("q")
	p.awaitEnd()
}

// TestPipeIntoTerminal wants no JPEG written to a terminal.
func TestPipeIntoTerminal(t *testing.T) {
	p := sitDown(t, "-o", "-", "rtsp://127.0.0.1:1/cam")
	if err := <-p.ended; err == nil || !containsAll(p.stderr.String(), "-o -", "terminal") {
		t.Errorf("%v: %q", err, p.stderr.String())
	}
	p.ended <- nil
}
