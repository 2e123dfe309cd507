package attack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// register numbers frames in the order in which the first of all viewers gets them. It belongs to all goroutines.
type register struct {
	mutex   sync.Mutex
	numbers map[string]int
}

func newRegister() *register { return &register{numbers: map[string]int{}} }

func (r *register) number(name []byte) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	n, ok := r.numbers[string(name)]
	if !ok {
		n = len(r.numbers)
		r.numbers[string(name)] = n
	}
	return n
}

// askHTTP asks for a stream, and returns what comes after the header.
func askHTTP(ip netip.Addr, to target, suffix string) (*client, error) {
	c, err := newClient(ip, to.http)
	if err != nil {
		return nil, err
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(c.conn, "GET /%s%s HTTP/1.1\r\nHost: localhost\r\n\r\n", to.stream, suffix)
	if err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(c.in, nil); err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s%s: %s", to.stream, suffix, answer.Status)
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.conn.Close())
	}
	return c, c.conn.SetDeadline(time.Time{})
}

// watchMJPEG makes the way of those who watch /NAME.mjpg. What one has not had, and others have, is missing.
func watchMJPEG(frames *register) func(netip.Addr, target) (*viewer, error) {
	return func(ip netip.Addr, to target) (*viewer, error) {
		c, err := askHTTP(ip, to, ".mjpg")
		if err != nil {
			return nil, err
		}
		v := newViewer()
		v.watches(c)
		go v.readParts(c.in, frames)
		return v, nil
	}
}

// watches has a viewer watch over a connection.
func (v *viewer) watches(c *client) {
	v.socket, _ = c.conn.(buffered)
	v.close = func() { c.conn.Close() }
}

// readParts reads pictures, each of which says when it was taken.
func (v *viewer) readParts(in *bufio.Reader, frames *register) {
	defer v.end()
	var taken []byte
	length := -1
	for {
		v.mayRead()
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case string(name) == "X-Timestamp":
			taken = append(taken[:0], value...)
		case string(name) == "Content-Length":
			length, _ = strconv.Atoi(string(value))
		case len(name) == 0 && length >= 0:
			for length > 0 {
				v.mayRead()
				n, err := in.Discard(min(length, 4096))
				if length -= n; err != nil {
					return
				}
			}
			length = -1
			seconds, _ := strconv.ParseFloat(string(taken), 64)
			v.frame(frames.number(taken), time.UnixMicro(int64(seconds*1e6)))
		}
	}
}

// watchMP4 has a viewer watch /NAME.mp4.
func watchMP4(ip netip.Addr, to target) (*viewer, error) {
	c, err := askHTTP(ip, to, ".mp4")
	if err != nil {
		return nil, err
	}
	v := newViewer()
	v.watches(c)
	go v.readFragments(c.in)
	return v, nil
}

// readFragments reads fragments, which are numbered. It remembers when each came, and how it ends.
func (v *viewer) readFragments(in *bufio.Reader) {
	defer v.end()
	const boxHeader, numberAt = 8, 12 // of mfhd, the first box of moof
	sequence := 0
	var box []byte
	for header := make([]byte, boxHeader); ; {
		v.mayRead()
		if _, err := io.ReadFull(in, header); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(header)) - boxHeader
		if size < 0 || size > 1<<24 {
			return
		}
		box = slices.Grow(box[:0], size)[:size]
		if _, err := io.ReadFull(in, box); err != nil {
			return
		}
		switch string(header[4:]) {
		case "moof":
			sequence = int(binary.BigEndian.Uint32(box[numberAt:]))
		case "mdat":
			v.frame(sequence, time.Time{})
			v.mutex.Lock()
			v.tally.endings = append(v.tally.endings, ending{endOf(box), time.Now()})
			v.mutex.Unlock()
		}
	}
}

// end notes that its connection has ended.
func (v *viewer) end() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.left = true
}

// frame takes a frame of a number, which is one more than that of the frame before.
func (v *viewer) frame(number int, taken time.Time) {
	now := time.Now()
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if !v.begun {
		v.begun = true
		close(v.first)
	} else if number != v.number+1 {
		v.missed++
	}
	v.number = number
	v.tally.frames++
	if !taken.IsZero() {
		v.tally.ages = append(v.tally.ages, now.Sub(taken))
	}
}

// endOf is the end of a frame, by which it is known.
func endOf(frame []byte) string { return string(frame[max(0, len(frame)-64):]) }

// ending is the end of a frame that came at a time.
type ending struct {
	of string
	at time.Time
}

// timekeeper learns when frames of H.264 were taken, from what an RTSP viewer gets, as MP4 does not say it.
type timekeeper struct {
	mutex  sync.Mutex
	frames *rtp.NALDepacketizer
	taken  map[string]time.Time
}

func newTimekeeper() *timekeeper {
	return &timekeeper{frames: rtp.NewNALDepacketizer(media.H264, 1<<20), taken: map[string]time.Time{}}
}

// packet takes a packet of frames that are taken at the time that when says of their timestamps.
func (k *timekeeper) packet(p []byte, when func(timestamp uint32) (time.Time, bool)) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	f, ok, _ := k.frames.Push(p)
	if !ok {
		return
	}
	if taken, ok := when(k.frames.Timestamp()); ok {
		k.taken[endOf(f.Bytes)] = taken
	}
}

// ages are those of frames by their ends, as far as they are known.
func (k *timekeeper) ages(endings []ending) (ages []time.Duration) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for _, e := range endings {
		if taken, ok := k.taken[e.of]; ok {
			ages = append(ages, e.at.Sub(taken))
		}
	}
	return ages
}
