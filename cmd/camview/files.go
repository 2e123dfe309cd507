package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

// pipe writes pictures one after the other to a stream, such as standard output.
type pipe struct {
	w     io.Writer
	bytes []byte
}

func (p *pipe) write(pictures []view.Frame, _ string, _ bool) (err error) {
	if p.bytes, err = appendPictures(p.bytes[:0], pictures); err == nil && len(p.bytes) > 0 {
		_, err = p.w.Write(p.bytes)
	}
	return err
}

func (p *pipe) close() error { return nil }

// appendPictures appends pictures as files have them: JPEGs one after the other, and the NAL units of
// H.264 and H.265 with start codes, parameter sets before each key frame.
func appendPictures(dst []byte, pictures []view.Frame) (_ []byte, err error) {
	for _, p := range pictures {
		if !p.Format.Dependent() {
			dst = append(dst, p.Bytes...)
			continue
		}
		var sets [][]byte
		if p.Key {
			sets = p.Params.ParameterSets
		}
		if dst, err = nal.AppendAnnexB(dst, sets, p.Bytes); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// fileFormats are the formats of files by the ends of their names.
var fileFormats = map[string]media.Format{
	".mjpeg": media.JPEG, ".mjpg": media.JPEG, ".h264": media.H264, ".264": media.H264,
	".h265": media.H265, ".265": media.H265, ".hevc": media.H265,
}

// fits refuses pictures of another format than a file's name says.
func fits(name string, want, is media.Format) error {
	if is == want {
		return nil
	}
	file := map[media.Format]string{media.JPEG: ".mjpeg, .jpg", media.H264: ".h264", media.H265: ".h265"}
	return fmt.Errorf("-o %s: the stream is %v, not %v: choose a file that ends in %s or .mp4", name, is, want, file[is])
}

// target is the file that pictures are written to. What was in it before is there until the first picture
// comes.
type target struct {
	*os.File
	begun bool
	made  bool // there was no such file before
}

func openTarget(name string) (*target, error) {
	_, err := os.Stat(name)
	made := os.IsNotExist(err)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &target{File: f, made: made}, nil
}

// begin empties the file before the first picture.
func (t *target) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	if info, err := t.Stat(); err == nil && info.Mode().IsRegular() { // a pipe has no end to cut
		return t.Truncate(0)
	}
	return nil
}

// close closes the file, and removes it if it is new and no picture has come.
func (t *target) close() error {
	err := t.Close()
	if t.made && !t.begun {
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}

// clip writes pictures one after the other to a file.
type clip struct {
	file   *target
	format media.Format
	buffer *bufio.Writer
	bytes  []byte
}

func newClip(name string) (*clip, error) {
	f, err := openTarget(name)
	if err != nil {
		return nil, err
	}
	return &clip{file: f, format: fileFormats[strings.ToLower(filepath.Ext(name))], buffer: bufio.NewWriterSize(f, 1<<18)}, nil
}

func (c *clip) write(pictures []view.Frame, _ string, _ bool) (err error) {
	if len(pictures) == 0 {
		return nil
	}
	if err := fits(c.file.Name(), c.format, pictures[0].Format); err != nil {
		return err
	}
	if err := c.file.begin(); err != nil {
		return err
	}
	if c.bytes, err = appendPictures(c.bytes[:0], pictures); err == nil {
		_, err = c.buffer.Write(c.bytes)
	}
	return err
}

func (c *clip) close() error { return errors.Join(c.buffer.Flush(), c.file.close()) }

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

func (p *photo) write(pictures []view.Frame, _ string, _ bool) error {
	if len(pictures) == 0 {
		return nil
	}
	if err := fits(p.name, media.JPEG, pictures[0].Format); err != nil {
		return err
	}
	_, err := p.part.Write(pictures[0].Bytes)
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
