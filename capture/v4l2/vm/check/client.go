//go:build cgo

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// client is gortsplib's RTSP client, which hands out whole pictures: JPEGs, or frames of H.264 as NAL
// units with their lengths.
type client struct {
	rtsp     *gortsplib.Client
	sets     [][]byte // of H.264: the parameter sets in the description
	pictures chan []byte
	done     chan struct{}
	missing  atomic.Int64 // packets, by the sequence numbers of those that have come
}

// socketBuffer is what a client's UDP socket can hold, in bytes: some twenty of the
// largest pictures, as long as this busy machine may keep the client from reading.
const socketBuffer = 4 << 20

// allowSocketBuffer allows sockets to have such a buffer.
func allowSocketBuffer() error {
	return os.WriteFile("/proc/sys/net/core/rmem_max", []byte(strconv.Itoa(socketBuffer)), 0)
}

// play plays the first stream.
func play(protocol gortsplib.Protocol) (*client, error) { return playStream(firstStream, protocol) }

func playStream(name string, protocol gortsplib.Protocol) (*client, error) {
	u, err := base.ParseURL(urlOf(name))
	if err != nil {
		return nil, err
	}
	c := &client{pictures: make(chan []byte, 1000), done: make(chan struct{})}
	c.rtsp = &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 2 * patience, WriteTimeout: patience,
		UDPReadBufferSize: socketBuffer}
	if err := c.rtsp.Start(); err != nil {
		return nil, err
	}
	session, _, err := c.rtsp.Describe(u)
	if err != nil {
		return nil, err
	}
	track, forma, push, err := pictureTrack(session)
	if err != nil {
		return nil, err
	}
	if h264, ok := forma.(*format.H264); ok {
		c.sets = [][]byte{h264.SPS, h264.PPS}
	}
	if _, err := c.rtsp.Setup(session.BaseURL, track, 0, 0); err != nil {
		return nil, err
	}
	var next uint16
	begun := false
	c.rtsp.OnPacketRTP(track, forma, func(p *pion.Packet) {
		if begun {
			c.missing.Add(int64(p.SequenceNumber - next))
		}
		next, begun = p.SequenceNumber+1, true
		raw, err := p.Marshal()
		if err != nil {
			return
		}
		if picture, ok := push(raw); ok {
			select {
			case c.pictures <- bytes.Clone(picture):
			case <-c.done:
			}
		}
	})
	_, err = c.rtsp.Play(nil)
	return c, err
}

// pictureTrack finds the pictures in a description, and what puts them together from packets.
func pictureTrack(s *description.Session) (*description.Media, format.Format, func(packet []byte) ([]byte, bool), error) {
	var mjpeg *format.MJPEG
	if track := s.FindFormat(&mjpeg); track != nil {
		var depacketizer rtp.JPEGDepacketizer
		return track, mjpeg, func(packet []byte) ([]byte, bool) {
			picture, ok, _ := depacketizer.Push(packet)
			return picture, ok
		}, nil
	}
	var h264 *format.H264
	if track := s.FindFormat(&h264); track != nil {
		depacketizer := rtp.NewNALDepacketizer(media.H264, 1<<20)
		return track, h264, func(packet []byte) ([]byte, bool) {
			frame, ok, _ := depacketizer.Push(packet)
			return frame.Bytes, ok
		}, nil
	}
	return nil, nil, nil, fmt.Errorf("no MJPEG and no H.264 in the description")
}

// next returns the next picture.
func (c *client) next() ([]byte, error) {
	select {
	case p := <-c.pictures:
		return p, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("no picture for %v", patience)
	}
}

// skip drops the pictures that have come.
func (c *client) skip() {
	for {
		select {
		case <-c.pictures:
		default:
			return
		}
	}
}

func (c *client) close() {
	close(c.done)
	c.rtsp.Close()
}
