package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/model"
)

// Setup is what to measure.
type Setup struct {
	Net     string
	Model   string
	Readers int
	// FrameBytes is the size of frames, 0 for model.FrameBytes; FramesPerSecond their
	// rate, 0 for 30.
	FrameBytes      int
	FramesPerSecond int
	// H264 has frames of H.264 sent, of H264Size, and FrameBytes says nothing. Without a size they
	// are model.H264Frames, and by WebRTC, where all are of H.264, model.WebRTCFrames.
	H264     bool
	H264Size model.H264Size
	// CheckAll has every reader look at what it gets, not 20 of them.
	CheckAll bool
	// OneCore keeps the sender's side to one CPU and the readers to the other.
	OneCore bool
	// CallsUncounted leaves out the system calls, for which some more frames are sent.
	CallsUncounted bool
}

const (
	framesPerSecond = 30
	// mostChecked is how many readers look at what they get.
	mostChecked = 20
	// warmUpFrames are sent before anything counts.
	warmUpFrames = 5
	// countedFrames are those during which system calls are counted: to count them
	// takes time itself.
	countedFrames = 5
	// fewestFrames are sent of these if a model takes longer than asideTime for them.
	fewestFrames = 2
	asideTime    = 500 * time.Millisecond
)

// Run is a model at work.
type Run struct {
	setup    Setup
	sender   *child
	readers  *child
	broker   *broker       // nil without
	answers  *json.Decoder // of the sender
	reports  *json.Decoder
	requests *json.Encoder

	interval, due time.Duration
	frame, first  uint64
	began         time.Duration
	empty, before Usage
	lagsBefore    uint64
}

// Start starts a model with its readers and sends the first frames, which do not count.
// The error is an AbsentError if something is missing.
func (l *Lab) Start(s Setup) (*Run, error) {
	entry, ok := model.Find(s.Model)
	if !ok {
		return nil, fmt.Errorf("there is no model %q", s.Model)
	}
	size := model.H264Frames
	if entry.WebRTC {
		s.H264, size = true, model.WebRTCFrames
	}
	if s.H264Size == (model.H264Size{}) {
		s.H264Size = size
	}
	if s.H264 && !entry.H264 && !entry.WebRTC {
		return nil, fmt.Errorf("model=%s takes no frames of H.264", s.Model)
	}
	if err := present(entry, s.Readers); err != nil {
		return nil, err
	}
	if s.FrameBytes == 0 {
		s.FrameBytes = model.FrameBytes
	}
	if s.FramesPerSecond == 0 {
		s.FramesPerSecond = framesPerSecond
	}
	r := &Run{setup: s, interval: time.Second / time.Duration(s.FramesPerSecond)}
	if err := r.open(l, entry); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Run) open(l *Lab, entry model.Entry) error {
	net, err := l.Rig(r.setup.Net)
	if err != nil {
		return err
	}
	senderCore, readersCore := -1, -1
	if r.setup.OneCore {
		senderCore, readersCore = 1, 0
	}
	if entry.Transport == model.AMQP {
		if r.broker, err = l.broker(r.setup.Net, net); err != nil {
			return err
		}
		if err := r.broker.pin(senderCore); err != nil {
			return err
		}
	}
	sending := senderConfig{Model: entry.Name, Host: net.Host(), FrameBytes: r.setup.FrameBytes, FramesPerSecond: r.setup.FramesPerSecond, H264: r.setup.H264, H264Size: r.setup.H264Size}
	reading := audience.Config{Transport: entry.Transport, Host: net.Host(), Count: r.setup.Readers, Drops: net.Drops(), Reports: entry.Reports, Sealed: entry.Sealed, Private: entry.Private, H264: r.setup.H264}
	checked := min(mostChecked, r.setup.Readers)
	if r.setup.CheckAll {
		checked = r.setup.Readers
	}
	for i := range checked {
		reading.Checked = append(reading.Checked, i*r.setup.Readers/checked)
	}
	if entry.Transport == model.UDP {
		for i := range r.setup.Readers {
			sending.Readers = append(sending.Readers, net.Reader(i))
		}
		for _, i := range reading.Checked {
			reading.Addresses = append(reading.Addresses, net.Reader(i))
		}
		if err := net.Admit(reading.Addresses); err != nil {
			return err
		}
	}
	if err := r.startSender(net.Near, senderCore, sending); err != nil {
		return err
	}
	if err := r.startReaders(net.Far, readersCore, reading); err != nil {
		return err
	}
	return r.warmUp()
}

func (r *Run) startSender(namespace string, core int, c senderConfig) (err error) {
	if r.sender, err = startChild(namespace, core, task{Send: &c}); err != nil {
		return err
	}
	if _, err := io.ReadFull(r.sender.out, make([]byte, 1)); err != nil {
		return fmt.Errorf("model=%s: the sender has not started: %w", r.setup.Model, err)
	}
	r.answers = json.NewDecoder(r.sender.out)
	r.empty = r.usage()
	if err := r.tell(begin); err != nil {
		return err
	}
	_, err = r.senderAnswer()
	return err
}

func (r *Run) startReaders(namespace string, core int, c audience.Config) (err error) {
	if r.readers, err = startChild(namespace, core, task{Readers: &c}); err != nil {
		return err
	}
	r.reports, r.requests = json.NewDecoder(r.readers.out), json.NewEncoder(r.readers.in)
	_, err = r.report()
	return err
}

// warmUp sends some frames and begins to measure.
func (r *Run) warmUp() error {
	if _, err := r.aside(warmUpFrames); err != nil {
		return err
	}
	return r.Begin()
}

// aside sends some frames that are not measured, waits until they have come, and returns how many
// they were: fewer if they take long.
func (r *Run) aside(frames int) (sent int, err error) {
	for began := time.Now(); sent < frames && (sent < fewestFrames || time.Since(began) < asideTime); sent++ {
		if err := r.Frame(); err != nil {
			return sent, err
		}
	}
	_, err = r.ask(audience.Request{Await: r.frame})
	return sent, err
}

// Begin forgets all that was measured so far.
func (r *Run) Begin() error {
	r.first = r.frame + 1
	if _, err := r.ask(audience.Request{Begin: r.first}); err != nil {
		return err
	}
	figures, err := r.count()
	if err != nil {
		return err
	}
	r.lagsBefore = figures.Lags
	r.due = 0
	r.began, r.before = model.Now(), r.usage()
	return nil
}

// Frame has the sender send one frame, when its time has come and the one before was
// sent.
func (r *Run) Frame() error {
	now := model.Now()
	if r.due > now {
		<-time.After(r.due - now)
	} else if now-r.due > r.interval { // too late to catch up
		r.due = now
	}
	r.due += r.interval
	r.frame++
	if err := r.tell(frame); err != nil {
		return err
	}
	var reply [1]byte
	_, err := r.sender.out.Read(reply[:])
	if err != nil || reply[0] != sent {
		return fmt.Errorf("model=%s: the sender has ended at frame %d", r.setup.Model, r.frame)
	}
	return nil
}

// count asks the sender for the model's own figures.
func (r *Run) count() (model.Figures, error) {
	if err := r.tell(count); err != nil {
		return model.Figures{}, err
	}
	a, err := r.senderAnswer()
	return a.Figures, err
}

func (r *Run) tell(command byte) error {
	_, err := r.sender.in.Write([]byte{command})
	return err
}

func (r *Run) senderAnswer() (a senderAnswer, err error) {
	if err := r.answers.Decode(&a); err != nil {
		return a, fmt.Errorf("model=%s: the sender has ended: %w", r.setup.Model, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("model=%s: %s", r.setup.Model, a.Error)
	}
	return a, nil
}

func (r *Run) ask(request audience.Request) (audience.Report, error) {
	if err := r.requests.Encode(request); err != nil {
		return audience.Report{}, err
	}
	return r.report()
}

func (r *Run) report() (audience.Report, error) {
	var a audience.Answer
	if err := r.reports.Decode(&a); err != nil {
		return a.Report, fmt.Errorf("the readers of model=%s have ended: %w", r.setup.Model, err)
	}
	if a.Error != "" {
		return a.Report, fmt.Errorf("the readers of model=%s: %s", r.setup.Model, a.Error)
	}
	return a.Report, nil
}

// senders are the processes on the sender's side.
func (r *Run) senders() []int {
	pids := []int{r.sender.pid()}
	if r.broker != nil {
		pids = append(pids, r.broker.pid())
	}
	return pids
}

func (r *Run) usage() Usage { return UsageOf(r.senders()...) }

// Everybody is what all that takes part has used: sender, broker and readers.
func (r *Run) Everybody() Usage { return UsageOf(append(r.senders(), r.readers.pid())...) }

// Close ends the processes, but for a broker, which is frozen until the next run. It is not
// needed after Finish.
func (r *Run) Close() error {
	var errs []error
	for _, c := range []**child{&r.sender, &r.readers} {
		if *c != nil {
			errs = append(errs, (*c).kill())
			*c = nil
		}
	}
	if r.broker != nil {
		errs = append(errs, r.broker.freeze())
		r.broker = nil
	}
	return errors.Join(errs...)
}
