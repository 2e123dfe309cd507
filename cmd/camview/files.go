package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// pipe writes JPEGs one after the other to a stream, such as standard output.
type pipe struct{ w io.Writer }

func (p pipe) write(jpeg []byte, _ string) error {
	_, err := p.w.Write(jpeg)
	return err
}

func (p pipe) close() error { return nil }

// clip writes JPEGs one after the other to a file. What was in the file before is there until
// the first picture comes.
type clip struct {
	file   *os.File
	buffer *bufio.Writer
	begun  bool
	made   bool // there was no such file before
}

func newClip(name string) (*clip, error) {
	_, err := os.Stat(name)
	made := os.IsNotExist(err)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &clip{file: f, buffer: bufio.NewWriterSize(f, 1<<18), made: made}, nil
}

func (c *clip) write(jpeg []byte, _ string) error {
	if !c.begun {
		c.begun = true
		if info, err := c.file.Stat(); err == nil && info.Mode().IsRegular() { // a pipe has no end to cut
			if err := c.file.Truncate(0); err != nil {
				return err
			}
		}
	}
	_, err := c.buffer.Write(jpeg)
	return err
}

func (c *clip) close() error {
	errs := []error{c.buffer.Flush(), c.file.Close()}
	if c.made && !c.begun {
		errs = append(errs, os.Remove(c.file.Name()))
	}
	return errors.Join(errs...)
}

// photo writes one JPEG to a file. A file that is there already is replaced by a whole
// picture or not at all.
type photo struct {
	name string
	part *os.File // what is to become the file; nil once it has
}

func newPhoto(name string) (*photo, error) {
	part, err := os.OpenFile(partName(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	return &photo{name: name, part: part}, nil
}

// partName is the name of a picture that is not whole yet.
func partName(name string) string {
	folder, file := filepath.Split(name)
	return filepath.Join(folder, "."+file+".part")
}

func (p *photo) write(jpeg []byte, _ string) error {
	_, err := p.part.Write(jpeg)
	if e := p.part.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(p.part.Name(), p.name)
	}
	if err == nil {
		p.part = nil
		err = errEnough
	}
	return err
}

func (p *photo) close() error {
	if p.part == nil {
		return nil
	}
	_ = p.part.Close() // there is nothing in it, or it is closed
	return os.Remove(p.part.Name())
}
