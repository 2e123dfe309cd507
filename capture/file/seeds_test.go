package file

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

var (
	seedCount = flag.Uint64("seeds", defaultSeeds, "how many files and folders TestSeeds plays")
	seedFirst = flag.Uint64("seed", 0, "the only one it plays; 0: all")
)

// TestSeeds plays files and folders to which everything happens: they are cut off, garbled,
// renamed, replaced; they grow, are huge, cannot be read. Jobs are done late. Whatever happens, with
// Loop the source does not end, nothing is read or scanned on the loop, a job reads no more than it
// may, each frame is a whole picture, and when there is a good picture again it is played.
func TestSeeds(t *testing.T) {
	first, last := uint64(1), *seedCount
	if *seedFirst > 0 {
		first, last = *seedFirst, *seedFirst
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { runSeed(t, seed) })
	}
}

// drama is what a seed makes.
type drama struct {
	*stage
	random   *rand.Rand
	path     string // that is played
	isFolder bool
	numbers  int
	checked  int // of the host's frames
	deeds    []string
}

func runSeed(t *testing.T, seed uint64) {
	d := &drama{random: rand.New(rand.NewPCG(seed, 7))}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: %q", seed, d.deeds)
		}
	})
	d.isFolder = d.random.IntN(2) == 0
	d.path = filepath.Join(t.TempDir(), []string{"clip.mjpeg", "pic.jpg"}[d.random.IntN(2)])
	if d.isFolder {
		d.path = filepath.Join(t.TempDir(), "clip")
	}
	d.stage = &stage{t: t}
	d.restore()
	o := Options{Path: d.path, FramesPerSecond: []float64{5, 25, 100}[d.random.IntN(3)], Loop: true, MaxFrame: 1 << 20}
	var err error
	d.source, err = New(o)
	must(t, err)
	d.host = newHost(t)
	d.host.HoldJobs = true
	if d.random.IntN(4) == 0 {
		d.host.FailWatch = unix.ENOSPC
	}
	d.host.Open(d.source)
	defer d.close()
	d.run(time.Second)
	for range 12 {
		d.deed()
		if t.Failed() {
			return
		}
	}
	d.restore()
	had, end := d.source.Figures().Frames, d.host.Now()+maxWait+10*time.Second
	for d.source.Figures().Frames < had+10 && d.host.Now() < end {
		d.run(time.Second)
	}
	if got := d.source.Figures().Frames - had; got < 10 {
		t.Errorf("%d frames with good pictures; reports %q", got, d.host.Reports[max(0, len(d.host.Reports)-3):])
	}
}

// run plays for a while, and opens the source again when it is lost. Jobs take their time.
func (d *drama) run(length time.Duration) {
	d.t.Helper()
	for end := d.host.Now() + length; d.host.Now() < end; {
		visits := d.visits()
		d.host.RunFor(time.Duration(1+d.random.IntN(30)) * time.Millisecond)
		if got := d.visits(); got != visits {
			d.t.Fatalf("%d bytes were scanned on the loop", got-visits)
		}
		for range d.random.IntN(6) {
			d.job()
		}
		if d.isOver() {
			d.host.Close()
			d.host.RunFor(250 * time.Millisecond)
			d.host.Open(d.source)
		}
		d.check()
	}
}

// job does the next job, if there is one.
func (d *drama) job() {
	if d.host.Jobs() > 0 {
		d.host.RunJob()
		d.host.Turn()
	}
}

// visits are the bytes that the source has looked at.
func (d *drama) visits() (n uint64) {
	if d.source.session == nil {
		return 0
	}
	switch p := d.source.session.player.pictures.(type) {
	case *stream:
		return p.scanner.Visits()
	case *folder:
		for _, s := range []*stream{p.current, p.spare} {
			if s != nil && s.scanner != nil {
				n += s.scanner.Visits()
			}
		}
	}
	return n
}

func (d *drama) check() {
	d.t.Helper()
	if n := len(d.host.Reports); n > 0 && d.host.Reports[n-1] == "ended" {
		d.t.Fatal("the source has ended")
	}
	if d.source.mostBytes > jobBytes {
		d.t.Fatalf("a job has read %d bytes, want at most %d", d.source.mostBytes, jobBytes)
	}
	for _, f := range d.host.Frames[d.checked:] {
		if n, err := jpeg.Length(f.Bytes); err != nil || n != len(f.Bytes) || n > 1<<20 {
			d.t.Fatalf("a frame of %d bytes: length %d, %v", len(f.Bytes), n, err)
		}
	}
	d.host.Frames, d.checked = d.host.Frames[max(0, len(d.host.Frames)-1):], min(1, len(d.host.Frames))
}

func (d *drama) close() {
	d.host.Close()
	for d.host.Jobs() > 0 {
		d.host.RunJob()
	}
}

// picture is another one each time.
func (d *drama) picture() []byte {
	d.numbers++
	return picture(d.t, byte(d.numbers))
}

// restore puts good pictures there.
func (d *drama) restore() {
	_ = os.Chmod(d.path, 0o700)
	if !d.isFolder {
		must(d.t, os.RemoveAll(d.path+"-away"))
		if info, err := os.Lstat(d.path); err == nil && info.IsDir() {
			must(d.t, os.RemoveAll(d.path))
		}
		replace(d.t, d.path, d.picture(), d.picture(), d.picture())
		return
	}
	must(d.t, os.RemoveAll(d.path))
	must(d.t, os.RemoveAll(d.path+"-away"))
	must(d.t, os.Mkdir(d.path, 0o700))
	for range 3 {
		write(d.t, d.name(), d.picture())
	}
}

// name is that of a picture in the folder, or of the file.
func (d *drama) name() string {
	if d.isFolder {
		return filepath.Join(d.path, fmt.Sprint(d.random.IntN(12), ".jpg"))
	}
	return d.path
}

// deed does something to the files, and plays for a while. What cannot be done, as a file is gone,
// is not.
func (d *drama) deed() {
	wait := func() { d.run(time.Duration(d.random.IntN(1500)) * time.Millisecond) }
	deeds := []struct {
		name string
		do   func()
	}{
		{"cut off", func() { _ = os.Truncate(d.name(), int64(d.random.IntN(3000))) }},
		{"garble", func() { d.garble(d.name()) }},
		{"grow", func() { d.grow(d.name()) }},
		{"replace", func() { d.put(d.picture(), d.picture()) }},
		{"replace by a cut-off one", func() { p := d.picture(); d.put(p[:d.random.IntN(len(p))]) }},
		{"replace by garbage", func() { d.put(bytes.Repeat([]byte{0xff, 0xd8}, d.random.IntN(1<<16))) }},
		{"make huge", func() {
			p := d.picture()
			d.put(p[:len(p)-2])
			_ = os.Truncate(d.name(), int64(d.random.IntN(20<<20)))
		}},
		{"take away and back", func() {
			_ = os.Rename(d.path, d.path+"-away")
			wait()
			_ = os.Rename(d.path+"-away", d.path)
		}},
		{"remove", func() { _ = os.Remove(d.name()) }},
		{"forbid", func() {
			_ = os.Chmod(d.path, 0)
			withoutRoot(d.t, wait)
			_ = os.Chmod(d.path, 0o700)
		}},
		{"no fds", func() { withoutFDs(d.t, wait) }},
		{"a pipe", func() { _ = os.Remove(d.name()); _ = unix.Mkfifo(d.name(), 0o600) }},
		{"a folder", func() { _ = os.Remove(d.name()); _ = os.Mkdir(d.name(), 0o700) }},
		{"many", func() {
			for range d.random.IntN(90) {
				d.put(d.picture())
			}
		}},
		{"another kind", func() { d.put([]byte("RIFF....AVI ")) }},
		{"restore", func() { d.restore() }},
	}
	deed := deeds[d.random.IntN(len(deeds))]
	d.deeds = append(d.deeds, deed.name)
	deed.do()
	wait()
}

// put puts a file there by renaming.
func (d *drama) put(data ...[]byte) {
	path := d.name()
	if err := os.WriteFile(path+".new", bytes.Join(data, nil), fs.FileMode(0o600)); err == nil {
		_ = os.Rename(path+".new", path)
	}
}

// garble changes some bytes of a file.
func (d *drama) garble(path string) {
	data, err := d.read(path)
	if err != nil || len(data) == 0 {
		return
	}
	for range 1 + d.random.IntN(20) {
		data[d.random.IntN(len(data))] = byte(d.random.Uint32())
	}
	_ = os.WriteFile(path, data, 0o600)
}

// grow appends something to a file.
func (d *drama) grow(path string) {
	if data, err := d.read(path); err == nil {
		_ = os.WriteFile(path, append(data, d.picture()...), 0o600)
	}
}

// read reads a file, unless it is none.
func (d *drama) read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 || strings.HasSuffix(path, ".new") {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(path)
}
