package file

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
	"golang.org/x/sys/unix"
)

// pictures is a sequence of pictures: a file or a folder. Its methods run in jobs.
type pictures interface {
	// next returns the next picture, valid until the next call: a JPEG, or a frame with its
	// Params. Its error is errEnd at the end, errMuch if the budget is used up, errCut if the
	// file has become shorter than it was, errNoPictures if the folder has none, or that of
	// reading.
	next(b *budget) (picture media.Frame, err error)
	// brokenSince is how many broken pictures were skipped since it was called last.
	brokenSince() uint64
	// rewind goes back to the beginning, and apply takes what has changed in the file system.
	// Their error is errReplaced if the pictures are to be opened anew.
	rewind() error
	apply(c changes, b *budget) error
	// position is where to go on when the pictures are opened again.
	position() resume
	close() error
}

var (
	errEnd        = errors.New("end of the pictures")
	errCut        = errors.New("the file was cut off")
	errMuch       = errors.New("more to do")
	errEmpty      = errors.New("no whole JPEG picture in it")
	errNoUnits    = errors.New("no key frame with its parameter sets in it")
	errEmptyFile  = errors.New("the file is empty")
	errNoPictures = errors.New("no .jpg or .jpeg in the folder")
	errNoJPEG     = errors.New("not an MJPEG file: no JPEG found in it")
	errJunk       = fmt.Errorf("not an MJPEG file: no JPEG found in its first %d kB", maxJunkBytes>>10)
	errKind       = errors.New("neither a file nor a folder")
)

// What one job does at most: so many bytes are read, and so many files of a folder opened.
const (
	jobBytes = 1 << 20
	jobFiles = 32
)

// budget is what is left of that.
type budget struct{ bytes, files int }

// resume is where a file or folder was when it was lost.
type resume struct {
	file         identity
	offset, size int64
	name         string         // of the last picture in a folder
	assembler    *nal.Assembler // with the parameter sets so far; nil: JPEG
}

// changes are what has happened in the file system.
type changes struct {
	names   []string // of pictures that came, went or were written
	rescan  bool     // it is not known what
	unwatch bool     // the watcher is of no use any more
}

// player opens a file or folder and reads its pictures, a piece in each job. All of it belongs to
// the job that runs; between jobs to the loop.
type player struct {
	options  Options
	from     resume
	pictures pictures // nil: not opened
	watcher  watcher  // not in use if a file is played once
	// wasLive: a picture of the source was played, in this opening or another.
	wasLive bool
	atEnd   bool         // of a round: rewind before going on
	isEmpty bool         // no picture has come in this round
	spent   int          // bytes that were read before the first picture
	size    media.Params // of the last JPEG
}

// result is what a job has found.
type result struct {
	picture     media.Frame // valid until the next job; a JPEG's Params have its size alone
	order       int         // of H.264 and H.265: see nal.Assembler.Order
	orientation int
	broken      uint64
	dropped     uint64 // frames before the first key frame
	fault       error  // why the last one is broken, of H.264 and H.265
	err         error
	bytes       int // that the job has read
}

// run is a job.
func (p *player) run(c changes) (r result) {
	b := budget{bytes: jobBytes, files: jobFiles}
	if r.err = p.begin(c, &b); r.err == nil {
		p.read(&r, &b)
	}
	r.bytes = jobBytes - b.bytes
	if r.picture.Bytes == nil && r.err == errMuch && !p.wasLive {
		// A file must not keep a start waiting for ever.
		if p.spent += max(r.bytes, 1); p.spent > 2*p.options.MaxFrame+maxJunkBytes {
			r.err = errors.New("no whole picture at its beginning")
		}
	}
	return r
}

// begin opens the pictures, or has them take what has changed.
func (p *player) begin(c changes, b *budget) error {
	if c.unwatch {
		p.watcher.close()
	}
	if p.pictures == nil {
		p.isEmpty = true
		return p.open(b)
	}
	if c.rescan {
		p.watcher.watch() // before looking, so that nothing is missed
	}
	return p.replaced(p.pictures.apply(c, b), b)
}

// replaced opens the pictures anew if an error says so. If that fails the old ones are left.
func (p *player) replaced(err error, b *budget) error {
	if !errors.Is(err, errReplaced) {
		return err
	}
	old := p.pictures
	p.from = resume{}
	if err := p.open(b); err != nil {
		p.pictures = old
		return err
	}
	return old.close()
}

// open opens what has the name.
func (p *player) open(b *budget) error {
	path := p.options.Path
	status, err := statusOfPath(path)
	if err != nil {
		return err
	}
	switch status.kind {
	case unix.S_IFDIR:
		p.watcher.path = path
		p.watcher.watch()
		f, err := openFolder(path, p.options, p.from)
		if err != nil {
			return err
		}
		p.pictures = f
	case unix.S_IFREG:
		if p.options.Loop {
			p.watcher.path, p.watcher.name = filepath.Dir(path), filepath.Base(path)
			p.watcher.watch()
		}
		if p.pictures, err = openFile(path, p.options, p.from, b); err != nil {
			p.pictures = nil
			return err
		}
	default:
		return errKind
	}
	return nil
}

// read reads the next picture: the first one after the last if they are to be played again. A
// round without any is errEmpty, and the next call begins another.
func (p *player) read(r *result, b *budget) {
	for r.err == nil && r.picture.Bytes == nil {
		if p.atEnd {
			if r.err = p.replaced(p.pictures.rewind(), b); r.err != nil {
				return
			}
			p.atEnd, p.isEmpty = false, true
		}
		picture, err := p.pictures.next(b)
		r.broken += p.pictures.brokenSince()
		if u, isUnits := p.pictures.(*units); isUnits {
			u.report(r)
		}
		switch {
		case err == nil:
			p.take(r, picture)
		case p.options.Loop && isRoundEnd(err):
			p.atEnd = true
			if p.isEmpty {
				r.err = errEmpty
				if err != errEnd {
					r.err = err
				}
			}
		case err == errEnd && p.isEmpty && !p.wasLive:
			r.err = errEmpty
		default:
			r.err = err
		}
	}
}

// isRoundEnd says whether an error ends a round of pictures that are played again and again.
func isRoundEnd(err error) bool {
	for _, end := range []error{errEnd, errCut, errNoPictures, errNoUnits, errEmptyFile, errNoJPEG, errJunk} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// take takes a picture, unless its size is not known.
func (p *player) take(r *result, picture media.Frame) {
	if picture.Params == nil {
		width, height, err := jpeg.Size(picture.Bytes)
		if err != nil {
			r.broken++
			return
		}
		if p.options.Check != nil && !p.wasLive {
			if r.err = p.options.Check(picture.Bytes); r.err != nil {
				return
			}
		}
		p.size = media.Params{Format: media.JPEG, Width: width, Height: height}
		picture.Params, r.orientation = &p.size, jpeg.Orientation(picture.Bytes)
	}
	p.isEmpty, p.wasLive = false, true
	r.picture = picture
}

// isOpen reports whether there is something to close.
func (p *player) isOpen() bool { return p.pictures != nil || p.watcher.fd >= 0 }

func (p *player) close() {
	p.watcher.close()
	if p.pictures != nil {
		_ = p.pictures.close() // it was only read
	}
	p.pictures = nil
}
