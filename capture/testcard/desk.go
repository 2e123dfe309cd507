package testcard

import (
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/worker"
)

// desk is where the frames of one opening are drawn and encoded, by a worker. Card and encoder are
// made by the first job, as drawing what stays takes long, too.
type desk struct {
	options Options
	worker  *worker.Worker[frame]
	card    *card
	encoder *encode.Encoder
}

// frame is one to draw and encode.
type frame struct {
	number  uint32
	due     time.Duration
	wall    time.Time
	quality int
	data    []byte // the result
	err     error
}

func newDesk(host capture.Host, o Options, done func(*frame)) *desk {
	d := &desk{options: o}
	d.worker = worker.New(host.Work, d.draw, done)
	return d
}

// draw is the job.
func (d *desk) draw(f *frame) {
	if f.err = d.set(); f.err != nil {
		return
	}
	d.card.draw(f.number, f.wall)
	if d.options.Pixels {
		f.data = encode.AppendI420(f.data[:0], d.card.picture)
		return
	}
	d.encoder.SetQuality(f.quality)
	f.data, f.err = d.encoder.Encode(f.data, d.card.picture)
}

// set has card and encoder be there.
func (d *desk) set() (err error) {
	if d.card == nil {
		if d.card, err = newCard(d.options); err != nil {
			return err
		}
	}
	if d.encoder == nil && !d.options.Pixels {
		d.encoder, err = encode.NewEncoder(d.options.Quality, d.options.Encode)
	}
	return err
}

// close drops what is under way.
func (d *desk) close() {
	d.worker.Close(func() {
		if d.encoder != nil {
			d.encoder.Close()
		}
	})
}
