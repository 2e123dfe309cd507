package cast

import (
	"errors"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/worker"
)

// Transcoder makes a JPEG that RTP can carry of one that it cannot (RFC 2435: baseline
// 4:2:0 or 4:2:2 with the standard Huffman tables). It writes the result into dst, which it may
// grow, and only reads picture.
//
// It is called by a job of Config.Code, on a goroutine that is not the loop's: one picture at a
// time, but a stream's Transcoder must be no other stream's. If it has a method Close(), the
// stream calls that when it has ended and no job uses the Transcoder any more.
type Transcoder interface {
	Transcode(dst, picture []byte) ([]byte, error)
}

// closeTranscoder frees what a Transcoder holds.
func closeTranscoder(t Transcoder) {
	if c, ok := t.(interface{ Close() }); ok {
		c.Close()
	}
}

// transcoding has a worker code those frames of a rendition anew that RTP cannot carry. While one is
// coded no later frame is sent before it: the newest waits. A nil transcoding takes no frames.
type transcoding struct {
	rendition  *rendition
	transcoder Transcoder
	worker     *worker.Worker[recoding]
	// picture is that of the job, which looks whether a frame that has waited must be transcoded.
	picture jpeg.Image
	// idle is called once when nothing is under way any more; it may be nil.
	idle func()
}

// recoding is a frame on its way by the worker.
type recoding struct {
	frame     media.Frame // when it is done, Bytes are to be sent
	came      []byte      // its bytes as they came
	recoded   []byte
	isRecoded bool
	err       error
}

func newTranscoding(r *rendition) *transcoding {
	if r.stream.options.Transcoder == nil {
		return nil
	}
	t := &transcoding{rendition: r, transcoder: r.stream.options.Transcoder}
	t.worker = worker.New(r.stream.broadcaster.config.Code, t.code, t.done)
	return t
}

// takes reports whether the worker has taken a frame: one that must be transcoded, or one that
// must not overtake another. As long as nobody watches frames are not looked at.
func (t *transcoding) takes(f media.Frame) bool {
	if t == nil || !t.worker.Busy() && !(t.rendition.plain.form.InUse() && t.rendition.stream.notByRTP == nil && t.rendition.rtp.payload.mustTranscode(f.Bytes)) {
		return false
	}
	t.add(f)
	return true
}

// add hands a copy of a frame over to the worker.
func (t *transcoding) add(f media.Frame) {
	t.worker.Add(func(p *recoding) {
		p.came = append(p.came[:0], f.Bytes...)
		p.frame = f
		p.frame.Bytes = p.came
	})
}

// code is the job.
func (t *transcoding) code(p *recoding) {
	p.isRecoded, p.err = false, nil
	// Whatever else is wrong with the picture is found when it is laid out.
	if !errors.Is(t.picture.Parse(p.came), jpeg.ErrReencode) {
		return
	}
	p.recoded, p.err = t.transcoder.Transcode(p.recoded[:0], p.came)
	p.isRecoded, p.frame.Bytes = p.err == nil, p.recoded
}

// done sends the frame.
func (t *transcoding) done(p *recoding) {
	s, err := t.rendition.stream, p.err
	if p.isRecoded {
		s.figures.Transcoded++
	}
	if err == nil {
		err = t.rendition.put(p.frame)
	}
	if err != nil {
		s.figures.Unusable++
		s.complain(err)
	}
	if idle := t.idle; idle != nil && !t.worker.Waiting() {
		t.idle = nil
		idle()
	}
}

// whenIdle calls f when no frame is under way any more, unless the stream ends before. Another f
// replaces it, and nil has nothing called.
func (t *transcoding) whenIdle(f func()) {
	switch {
	case t != nil && t.worker.Busy():
		t.idle = f
	case f != nil:
		f()
	}
}

// skipped is how many frames were not sent because the worker was busy.
func (t *transcoding) skipped() uint64 {
	if t == nil {
		return 0
	}
	return t.worker.Dropped()
}

// stop drops what is under way.
func (t *transcoding) stop() {
	if t != nil {
		t.worker.Close(func() { closeTranscoder(t.transcoder) })
	}
}
