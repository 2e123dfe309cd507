package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	jpegs "github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/nal"
	"github.com/pion/rtp"
)

// footage is what a camera of a test plays, again and again.
type footage struct {
	format format.Format
	file   string     // that camcast plays
	units  [][][]byte // of each frame; of JPEG the picture alone
	looks  []string   // what must come out of a frame: its slices, or its scan
}

// lookOf is what must be the same of a frame that was sent on.
func lookOf(units [][]byte, f format.Format) string {
	var out []byte
	for _, unit := range units {
		switch f.(type) {
		case *format.MJPEG:
			var picture jpegs.Image
			if picture.Parse(unit) != nil {
				return "no JPEG"
			}
			out = append(append(append(out, picture.Luma[:]...), picture.Chroma[:]...), picture.Scan...)
		case *format.H265:
			if h265.IsSlice(unit) {
				out = append(out, unit...)
			}
		default:
			if h264.IsSlice(unit) {
				out = append(out, unit...)
			}
		}
	}
	return string(out)
}

// openFootage reads a file of H.264 or H.265 in proto/nal/testdata.
func openFootage(t *testing.T, name string) *footage {
	t.Helper()
	f := &footage{file: filepath.Join("../../proto/nal/testdata", name), format: &format.H264{PayloadTyp: 96, PacketizationMode: 1}}
	assembler := h264.NewAssembler(1 << 20)
	if filepath.Ext(name) == ".h265" {
		f.format, assembler = &format.H265{PayloadTyp: 96}, h265.NewAssembler(1<<20)
	}
	data, err := os.ReadFile(f.file)
	if err != nil {
		t.Fatal(err)
	}
	stream := nal.NewStream(assembler)
	stream.Push(data)
	stream.End()
	for frame, ok, err := stream.Next(); ok; frame, ok, err = stream.Next() {
		if err != nil {
			t.Fatal(err)
		}
		var units [][]byte
		if frame.Key {
			units = append(units, frame.Params.ParameterSets...)
		}
		f.describe(frame.Params)
		for rest := bytes.Clone(frame.Bytes); len(rest) > 0; {
			var unit []byte
			if unit, rest, err = nal.Next(rest); err != nil {
				t.Fatal(err)
			}
			units = append(units, unit)
		}
		f.units, f.looks = append(f.units, units), append(f.looks, lookOf(units, f.format))
	}
	return f
}

// describe has the SDP give the parameter sets.
func (f *footage) describe(p *media.Params) {
	sets := p.ParameterSets
	switch known := f.format.(type) {
	case *format.H264:
		known.SPS, known.PPS = sets[0], sets[1]
	case *format.H265:
		known.VPS, known.SPS, known.PPS = sets[0], sets[1], sets[2]
	}
}

// makePictures makes JPEGs.
func makePictures(t *testing.T) *footage {
	t.Helper()
	f := &footage{file: filepath.Join(t.TempDir(), "clip.mjpeg"), format: &format.MJPEG{}}
	var all []byte
	for n := range 10 {
		picture := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
		for i := range picture.Y {
			picture.Y[i] = byte(i*n) ^ byte(i>>7)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, picture, nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Bytes()...)
		f.units = append(f.units, [][]byte{b.Bytes()})
		f.looks = append(f.looks, lookOf(f.units[n], f.format))
	}
	if err := os.WriteFile(f.file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// foreignCamera is gortsplib's server, with a password (Digest).
type foreignCamera struct {
	t       *testing.T
	footage *footage
	address string
	server  *gortsplib.Server
	mutex   sync.Mutex // guards stream, which there is only after the server
	stream  *gortsplib.ServerStream
	stop    func()
}

// served is the stream, once there is one.
func (c *foreignCamera) served() *gortsplib.ServerStream {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.stream
}

const cameraUser, cameraPassword = "anna", "s3same: @/?"

func startForeignCamera(t *testing.T, f *footage) *foreignCamera {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &foreignCamera{t: t, footage: f, address: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.plugIn()
	t.Cleanup(func() { c.unplug() })
	return c
}

// plugIn starts the camera at its address.
func (c *foreignCamera) plugIn() {
	c.t.Helper()
	rtpPort := evenPort(c.t)
	c.server = &gortsplib.Server{
		Handler: c, RTSPAddress: c.address, AuthMethods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5},
		UDPRTPAddress: fmt.Sprintf("127.0.0.1:%d", rtpPort), UDPRTCPAddress: fmt.Sprintf("127.0.0.1:%d", rtpPort+1),
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	medium := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{c.footage.format}}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{medium}}}
	if err := c.stream.Initialize(); err != nil {
		c.t.Fatal(err)
	}
	stream, server, end, ended := c.stream, c.server, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c.play(stream, medium, end)
	}()
	var once sync.Once
	c.stop = func() {
		once.Do(func() {
			close(end)
			<-ended
			stream.Close()
			server.Close()
		})
	}
}

func (c *foreignCamera) unplug() { c.stop() }

// evenPort is a UDP port that is free, as is the next one.
func evenPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+1))
		a.Close()
		if err == nil {
			b.Close()
		}
		if err == nil && port%2 == 0 {
			return port
		}
	}
	t.Fatal("no two free ports")
	return 0
}

// play sends the frames, 25 in a second.
func (c *foreignCamera) play(stream *gortsplib.ServerStream, medium *description.Media, end chan struct{}) {
	var encode func(units [][]byte) ([]*rtp.Packet, error)
	switch f := c.footage.format.(type) {
	case *format.H264:
		e, err := f.CreateEncoder()
		if err != nil {
			c.t.Error(err)
			return
		}
		encode = e.Encode
	case *format.H265:
		e, err := f.CreateEncoder()
		if err != nil {
			c.t.Error(err)
			return
		}
		encode = e.Encode
	case *format.MJPEG:
		e, err := f.CreateEncoder()
		if err != nil {
			c.t.Error(err)
			return
		}
		encode = func(units [][]byte) ([]*rtp.Packet, error) { return e.Encode(units[0]) }
	}
	beat := time.NewTicker(40 * time.Millisecond)
	defer beat.Stop()
	for n := uint32(0); ; n++ {
		select {
		case <-end:
			return
		case <-beat.C:
		}
		packets, err := encode(c.footage.units[int(n)%len(c.footage.units)])
		for _, p := range packets {
			p.Timestamp = n * 3600
			if err == nil {
				err = stream.WritePacketRTP(medium, p)
			}
		}
		if err != nil {
			c.t.Error(err)
			return
		}
	}
}

// url is the camera's, with its password and a transport.
func (c *foreignCamera) url(transport string) string {
	return "rtsp://" + cameraUser + ":" + strings.NewReplacer("@", "%40", "/", "%2F", "?", "%3F", " ", "%20", ":", "%3A").Replace(cameraPassword) +
		"@" + c.address + "/cam?transport=" + transport
}

func (c *foreignCamera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if !ctx.Conn.VerifyCredentials(ctx.Request, cameraUser, cameraPassword) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.served(), nil
}

func (c *foreignCamera) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if !ctx.Conn.VerifyCredentials(ctx.Request, cameraUser, cameraPassword) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.served(), nil
}

func (c *foreignCamera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}
