package main

import (
	"fmt"
	"os"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// handler answers as the library's own example does.
type handler struct {
	stream *gortsplib.ServerStream
}

func (h *handler) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

func (h *handler) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

func (h *handler) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// The ports of the gortsplib server, which takes no free ones by itself.
const gortsplibRTSP, gortsplibRTP, gortsplibRTCP = "127.0.0.1:18654", "127.0.0.1:18656", "127.0.0.1:18657"

// packetSize is camcast's own at its default MTU.
const packetSize = 1500 - 48

// serveGortsplib serves a picture, cut into the packets that camcast would send, until
// the process is ended.
func serveGortsplib(path string) error {
	picture, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	h := &handler{}
	server := &gortsplib.Server{Handler: h, RTSPAddress: gortsplibRTSP, UDPRTPAddress: gortsplibRTP, UDPRTCPAddress: gortsplibRTCP}
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.MJPEG{}}}
	h.stream = &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := h.stream.Initialize(); err != nil {
		return err
	}
	defer h.stream.Close()
	fmt.Printf("rtsp://%s/cam\n", gortsplibRTSP)
	packetizer, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 1, PacketSize: packetSize, RunPackets: cast.DefaultBurst})
	if err != nil {
		return err
	}
	var img jpeg.Image
	if err := img.Parse(picture); err != nil {
		return err
	}
	var buffer []byte
	ticker := time.NewTicker(time.Second / time.Duration(*fps))
	for n := uint32(0); ; n++ {
		<-ticker.C
		packets, err := packetizer.Packetize(buffer, &img, n*uint32(rtp.ClockHz / *fps))
		if err != nil {
			return err
		}
		buffer = nil // the library's queues keep what they are given
		for i := range packets.Count {
			var p pion.Packet
			if err := p.Unmarshal(packets.Packet(i)); err != nil {
				return err
			}
			if err := h.stream.WritePacketRTP(media, &p); err != nil {
				return err
			}
		}
	}
}
