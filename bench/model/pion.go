package model

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/proto/nal"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// pionModel is a sender of pion/webrtc v4.2.26, as its users write it: each viewer posts an offer, and has a
// PeerConnection and a track of its own, into which every frame is written. pion makes the packets, of 1200
// bytes at most, seals them and writes them one by one. It also does what the other models do not: ICE, DTLS, and
// answers to NACKs.
type pionModel struct {
	api    *webrtc.API
	server *http.Server
	group  sync.WaitGroup

	mu      sync.Mutex
	viewers []*pionViewer

	frame    []byte // with start codes, as pion takes it
	interval time.Duration
}

// pionViewer is a viewer. up is closed when it is connected.
type pionViewer struct {
	conn  *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticSample
	up    chan struct{}
}

// firstPionPort is the first port that pion takes. The last one is below rig.FirstDeadPort: packets to that port and those
// above it are dropped.
const firstPionPort = 20000

// maxOfferBytes is the size of the largest offer that is read.
const maxOfferBytes = 64 << 10

func init() {
	Register(Entry{
		Name: "pion", Transport: WebRTC, WebRTC: true, New: func() Model { return &pionModel{} },
		MostReaders: 200, Why: "each reader is pion, too, and needs as much of a CPU as the sender does for it",
	})
}

// PionAPI returns pion as senders and readers of a benchmark use it: over IPv4, by the one interface that host is
// reached by, with these interceptors.
func PionAPI(host netip.Addr, interceptors func(*webrtc.MediaEngine, *interceptor.Registry) error) (*webrtc.API, error) {
	var settings webrtc.SettingEngine
	if err := settings.SetEphemeralUDPPortRange(firstPionPort, rig.FirstDeadPort-1); err != nil {
		return nil, err
	}
	settings.SetIncludeLoopbackCandidate(host.IsLoopback())
	settings.SetInterfaceFilter(func(name string) bool { return (name == "lo") == host.IsLoopback() })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := errors.Join(engine.RegisterDefaultCodecs(), interceptors(engine, registry)); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry)), nil
}

func (m *pionModel) Start(b *Broadcast) (err error) {
	m.interval = time.Second / time.Duration(b.FramesPerSecond)
	if m.api, err = PionAPI(b.Host, webrtc.RegisterDefaultInterceptors); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(b.Host, WebRTCPort).String())
	if err != nil {
		return err
	}
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	m.group.Go(func() { _ = m.server.Serve(listener) }) // until it is closed
	return nil
}

// ServeHTTP answers a viewer's offer.
func (m *pionModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := m.answer(io.LimitReader(r.Body, maxOfferBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the viewer fails without all of it
}

// answer reads an offer, and returns the answer.
func (m *pionModel) answer(r io.Reader) (string, error) {
	offer, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	conn, err := m.newViewer()
	if err != nil {
		return "", err
	}
	if err := conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		return "", err
	}
	answer, err := conn.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(conn)
	if err := conn.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return conn.LocalDescription().SDP, nil
}

// newViewer makes a viewer's connection, with a track.
func (m *pionModel) newViewer() (*webrtc.PeerConnection, error) {
	v := &pionViewer{up: make(chan struct{})}
	var err error
	if v.conn, err = m.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.viewers = append(m.viewers, v)
	m.mu.Unlock()
	connected := sync.OnceFunc(func() { close(v.up) })
	v.conn.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			connected()
		}
	})
	v.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "bench")
	if err != nil {
		return nil, err
	}
	sender, err := v.conn.AddTrack(v.track)
	if err != nil {
		return nil, err
	}
	m.group.Go(func() { // the interceptors see what is read
		for p := make([]byte, 1500); ; {
			if _, _, err := sender.Read(p); err != nil {
				return
			}
		}
	})
	return v.conn, nil
}

// Send writes a frame to each viewer. Before the first one it waits until the viewers are connected at this end, too.
func (m *pionModel) Send(f *Frame) error {
	m.frame = annexB(m.frame[:0], f)
	m.mu.Lock()
	viewers := slices.Clone(m.viewers)
	m.mu.Unlock()
	for _, v := range viewers {
		<-v.up
		if err := v.track.WriteSample(media.Sample{Data: m.frame, Duration: m.interval}); err != nil {
			return fmt.Errorf("pion: %w", err)
		}
	}
	return nil
}

// annexB appends a frame with its parameter sets, if it is a key frame, with start codes.
func annexB(dst []byte, f *Frame) []byte {
	start := []byte{0, 0, 0, 1}
	if f.Coded.Key {
		for _, set := range f.Coded.Params.ParameterSets {
			dst = append(append(dst, start...), set...)
		}
	}
	for rest := f.Coded.Bytes; len(rest) > 0; {
		unit, after, err := nal.Next(rest)
		if err != nil {
			break // the framer's own frames are well-formed
		}
		dst, rest = append(append(dst, start...), unit...), after
	}
	return dst
}

func (m *pionModel) Figures() Figures { return Figures{} }

func (m *pionModel) Close() error {
	errs := []error{m.server.Close()}
	for _, v := range m.viewers {
		errs = append(errs, v.conn.Close())
	}
	m.group.Wait()
	return errors.Join(errs...)
}
