// Package audience is the readers of a measured broadcast, in a process of their own.
//
// Some of them look at every frame they get: whether each byte is as it was sent, whether
// a frame is missing, late or comes twice, and how old it is. The others only take what
// they are sent, or, over UDP, are nobody at all.
//
// The process is told what to do on its standard input and answers on its standard
// output, a line of JSON each. The first answer says that all readers are there.
package audience

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/bench/model"
)

// Config is who the readers are.
type Config struct {
	Transport model.Transport
	// Host is where the sender, or the broker, is.
	Host netip.Addr
	// Count is how many readers there are, and Checked which of them look at what they
	// get, from 0.
	Count   int
	Checked []int
	// Addresses are those of the checked readers, for UDP.
	Addresses []netip.AddrPort
	// Reports has the checked readers over UDP send receiver reports, each second, to the
	// port after the one that RTP comes from.
	Reports bool
	// Sealed has them open SRTP, and seal their reports (model.SealedKey, model.ReaderKey). Private has each
	// do so with keys of its own (model.PrivateKeys), and report to the port that RTP comes from.
	Sealed, Private bool
	// H264: the frames are of H.264, else JPEG.
	H264 bool
	// Drops says that the network drops what is sent to ports where nobody is.
	Drops bool
}

// Request asks something of the readers.
type Request struct {
	// Begin has the frames from this number on counted, if it is not 0.
	Begin uint64
	// Await answers when every checked reader has a frame of this number or a later
	// one, or when nothing more comes, if it is not 0.
	Await uint64
	// Report asks for the figures up to the frame of this number, if it is not 0.
	Report uint64
}

// Answer is what a request is answered with. Error says why the readers gave up.
type Answer struct {
	Error  string
	Report Report
}

// Report is what the checked readers have got.
type Report struct {
	// Readers is how many there are, and Frames how many frames each should have.
	Readers, Frames int
	// Whole frames came as they were sent, and each for the first time. Lost ones did
	// not. Stale ones came again, or after a newer one; damaged ones were not as they
	// were sent.
	Whole, Lost, Stale, Damaged int
	// Packets are those that came, of readers with keys of their own or pion's. Of these numbers PacketsMissing never came,
	// PacketsMisplaced came after a later one or again, and PacketsForged, which pion does not tell, are not
	// sealed with the reader's key.
	Packets, PacketsMissing, PacketsMisplaced, PacketsForged int
	// Age is from when a frame was made to when its last byte was read.
	AgeMedian, Age99, Age999, AgeMost time.Duration
	// Bytes is how much there was in the whole frames.
	Bytes int64
}

// patience is how long nothing may come until Await gives up.
const patience = 500 * time.Millisecond

// Serve is the process of the readers, until in ends.
func Serve(config Config, in io.Reader, out io.Writer) error {
	requests, answers := json.NewDecoder(in), json.NewEncoder(out)
	a := &readers{progress: make(chan struct{}, 1)}
	for range config.Checked {
		a.checked = append(a.checked, &tally{progress: a.progress})
	}
	if err := a.open(config); err != nil {
		return answers.Encode(Answer{Error: err.Error()})
	}
	if err := answers.Encode(Answer{}); err != nil {
		return err
	}
	for {
		var r Request
		if err := requests.Decode(&r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var answer Answer
		switch {
		case r.Begin > 0:
			a.begin(r.Begin)
		case r.Await > 0:
			a.await(r.Await)
		case r.Report > 0:
			answer.Report = a.report(r.Report)
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

type readers struct {
	checked  []*tally
	progress chan struct{}
	// kept are the connections that live as long as the process.
	kept []io.Closer
}

func (a *readers) open(c Config) error {
	switch c.Transport {
	case model.UDP:
		return a.openUDP(c)
	case model.RTSP:
		return a.openRTSP(c)
	case model.TCP, model.Stream:
		return a.openTCP(c)
	case model.AMQP:
		return a.openAMQP(c)
	case model.WebRTC:
		return a.openWebRTC(c)
	}
	return fmt.Errorf("there is no transport %q", c.Transport)
}

// tallyOf returns the tally of a reader, nil if nobody looks at what it gets.
func (a *readers) tallyOf(c Config, reader int) *tally {
	i, ok := slices.BinarySearch(c.Checked, reader)
	if !ok {
		return nil
	}
	return a.checked[i]
}

func (a *readers) begin(frame uint64) {
	for _, t := range a.checked {
		t.begin(frame)
	}
}

func (a *readers) await(frame uint64) {
	for slices.ContainsFunc(a.checked, func(t *tally) bool { return !t.has(frame) }) {
		select {
		case <-a.progress:
		case <-time.After(patience):
			return
		}
	}
}

func (a *readers) report(last uint64) Report {
	r := Report{Readers: len(a.checked)}
	var ages []time.Duration
	for _, t := range a.checked {
		ages = t.addTo(&r, ages, last)
	}
	if len(ages) > 0 {
		slices.Sort(ages)
		// The least age that so many did not exceed: the nearest rank.
		quantile := func(permille int) time.Duration { return ages[max((len(ages)*permille+999)/1000, 1)-1] }
		r.AgeMedian, r.Age99, r.Age999, r.AgeMost = quantile(500), quantile(990), quantile(999), quantile(1000)
	}
	return r
}
