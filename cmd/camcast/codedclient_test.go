//go:build players

package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/pion/rtp"
)

// codedClient is gortsplib's client of a coded file. It finds out which of the file's frames it is sent
// by their slices.
type codedClient struct {
	rtsp *gortsplib.Client
	// arrivals are the frames that have come whole. It has room for all of them.
	arrivals chan arrival
	asked    time.Time // to play
}

// arrival is a frame, by its number in the file, in the order of decoding; -1: it is none of the file's.
type arrival struct {
	frame int
	at    time.Time
}

// slices returns the slices among units, one after the other.
func (c *coded) slices(units [][]byte) string {
	isSlice := h264.IsSlice
	if c.format == media.H265 {
		isSlice = h265.IsSlice
	}
	var out []byte
	for _, unit := range units {
		if isSlice(unit) {
			out = append(out, unit...)
		}
	}
	return string(out)
}

// frames finds the file's frames by their slices.
func (c *coded) frames(t *testing.T) map[string]int {
	t.Helper()
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	stream := nal.NewStream(c.assembler())
	stream.Push(data)
	stream.End()
	frames := map[string]int{}
	for {
		frame, ok, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return frames
		}
		var units [][]byte
		for rest := bytes.Clone(frame.Bytes); len(rest) > 0; {
			var unit []byte
			if unit, rest, err = nal.Next(rest); err != nil {
				t.Fatal(err)
			}
			units = append(units, unit)
		}
		frames[c.slices(units)] = len(frames)
	}
}

// connectCoded connects a client and sets a stream up.
func connectCoded(c *coded, frames map[string]int, address string, protocol gortsplib.Protocol) (*codedClient, error) {
	u, err := base.ParseURL(address)
	if err != nil {
		return nil, err
	}
	k := &codedClient{arrivals: make(chan arrival, 1000)}
	k.rtsp = &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{InsecureSkipVerify: true}} // for rtsps://
	if err := k.rtsp.Start(); err != nil {
		return nil, err
	}
	session, _, err := k.rtsp.Describe(u)
	if err != nil {
		return k, err
	}
	medium := session.Medias[0]
	if _, err := k.rtsp.Setup(session.BaseURL, medium, 0, 0); err != nil {
		return k, err
	}
	var decoder interface {
		Decode(*rtp.Packet) ([][]byte, error)
	}
	switch f := medium.Formats[0].(type) {
	case *format.H264:
		decoder, err = f.CreateDecoder()
	case *format.H265:
		decoder, err = f.CreateDecoder()
	default:
		err = fmt.Errorf("the stream is %T", f)
	}
	k.rtsp.OnPacketRTPAny(func(_ *description.Media, _ format.Format, packet *rtp.Packet) {
		units, err := decoder.Decode(packet)
		if err != nil {
			return // more packets are needed
		}
		if slices := c.slices(units); slices != "" {
			frame, ok := frames[slices]
			if !ok {
				frame = -1
			}
			k.arrivals <- arrival{frame, time.Now()}
		}
	})
	return k, err
}

func (k *codedClient) play() error {
	k.asked = time.Now()
	_, err := k.rtsp.Play(nil)
	return err
}

// await takes frames until one is there, and returns it. They have to be in a row, the first of
// them the one behind after.
func (k *codedClient) await(after, frame int) (arrival, error) {
	deadline := time.After(20 * time.Second)
	for {
		select {
		case a := <-k.arrivals:
			if after++; a.frame != after {
				return a, fmt.Errorf("frame %d comes in place of %d", a.frame, after)
			}
			if a.frame == frame {
				return a, nil
			}
		case <-deadline:
			return arrival{}, fmt.Errorf("no frame after %d in 20 s", after)
		}
	}
}

// TestGortsplibPlaysCoded plays each kind of file to its end.
func TestGortsplibPlaysCoded(t *testing.T) {
	for name, protocol := range map[string]gortsplib.Protocol{"udp": gortsplib.ProtocolUDP, "tcp": gortsplib.ProtocolTCP} {
		for _, n := range []int{1, 4, 6} {
			t.Run(codings[n].name+" "+name, func(t *testing.T) {
				t.Parallel()
				c := makeCoded(t, codings[n], 50)
				d := startDaemon(t, c.path)
				k, err := connectCoded(c, c.frames(t), d.url(), protocol)
				if err != nil {
					t.Fatal(err)
				}
				defer k.rtsp.Close()
				if err := k.play(); err != nil {
					t.Fatal(err)
				}
				if _, err := k.await(-1, 49); err != nil {
					t.Fatal(err)
				}
				d.awaitEnd()
			})
		}
	}
}

// TestSealedCoded plays H.264 with B-frames as SRTP, in gortsplib's client and in GStreamer.
func TestSealedCoded(t *testing.T) {
	c := makeCoded(t, codings[4], 50)
	frames := c.frames(t)
	for name, protocol := range map[string]gortsplib.Protocol{"udp": gortsplib.ProtocolUDP, "tcp": gortsplib.ProtocolTCP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, flags := writeCertificate(t)
			d := startDaemon(t, append(flags, c.path)...)
			k, err := connectCoded(c, frames, d.secureURL(), protocol)
			if err != nil {
				t.Fatal(err)
			}
			defer k.rtsp.Close()
			if err := k.play(); err != nil {
				t.Fatal(err)
			}
			d.awaitLog("reader joined", "transport="+name, "srtp=true")
			if _, err := k.await(-1, 49); err != nil {
				t.Fatal(err)
			}
			d.awaitEnd()
		})
		t.Run("gstreamer "+name, func(t *testing.T) {
			t.Parallel()
			_, flags := writeCertificate(t)
			// The other stream has the daemon go on: GStreamer complains of a connection that ends with its stream.
			d := startDaemon(t, append(flags, "cam="+c.path, "other="+c.path+"?loop=1")...)
			if err := c.playCoded("gstreamer", name, d.secureURL()); err != nil {
				t.Fatal(err)
			}
			d.awaitLog("reader joined", "transport="+name, "srtp=true")
		})
	}
}
