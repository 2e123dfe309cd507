package model

import (
	"fmt"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	pion "github.com/pion/rtp"
)

// gortsplibModel is a server of gortsplib v5.6.4, the core of mediamtx: readers ask for
// the stream by RTSP, as players do, and get RTP over UDP. Each has a queue of packets and
// a goroutine that writes one after the other; what a full queue does not take is lost.
// It does more than the other models: sessions, transports and time-outs are its trade.
type gortsplibModel struct {
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	media  *description.Media
}

func init() {
	Register(Entry{Name: "gortsplib", Transport: RTSP, H264: true, New: func() Model { return &gortsplibModel{} }})
}

func (m *gortsplibModel) Start(b *Broadcast) error {
	at := func(port int) string { return fmt.Sprintf("%v:%d", b.Host, port) }
	m.server = &gortsplib.Server{
		Handler: m, RTSPAddress: at(RTSPPort), UDPRTPAddress: at(RTSPPort + 2), UDPRTCPAddress: at(RTSPPort + 3),
		WriteQueueSize: 512, // packets: a dozen frames
	}
	if err := m.server.Start(); err != nil {
		return err
	}
	var frames format.Format = &format.MJPEG{}
	if b.H264 {
		sets := H264Params.ParameterSets
		frames = &format.H264{PayloadTyp: H264PayloadType, PacketizationMode: 1, SPS: sets[0], PPS: sets[1]}
	}
	m.media = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{frames}}
	m.stream = &gortsplib.ServerStream{Server: m.server, Desc: &description.Session{Medias: []*description.Media{m.media}}}
	return m.stream.Initialize()
}

// OnDescribe answers with the only stream there is, as OnSetup does.
func (m *gortsplibModel) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, m.stream, nil
}

// OnSetup is called for each reader.
func (m *gortsplibModel) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, m.stream, nil
}

// OnPlay lets everybody play.
func (m *gortsplibModel) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnStreamWriteError is called for each packet that a full queue does not take: readers
// see that it is missing.
func (m *gortsplibModel) OnStreamWriteError(*gortsplib.ServerHandlerOnStreamWriteErrorCtx) {}

func (m *gortsplibModel) Send(f *Frame) error {
	for i := range f.Packets.Count {
		var p pion.Packet
		if err := p.Unmarshal(f.Packets.Packet(i)); err != nil {
			return err
		}
		if err := m.stream.WritePacketRTP(m.media, &p); err != nil {
			return err
		}
	}
	return nil
}

func (m *gortsplibModel) Figures() Figures { return Figures{} }

func (m *gortsplibModel) Close() error {
	m.stream.Close()
	m.server.Close()
	return nil
}
