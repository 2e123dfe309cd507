package audience

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"golang.org/x/sync/errgroup"
)

// connecting is how long a viewer may take to connect.
const connecting = 30 * time.Second

// openWebRTC makes all readers of pion. They send no reports and no NACKs, which costs the sender less.
func (a *readers) openWebRTC(c Config) error {
	api, err := model.PionAPI(c.Host, func(*webrtc.MediaEngine, *interceptor.Registry) error { return nil })
	if err != nil {
		return err
	}
	conns := make([]*webrtc.PeerConnection, c.Count)
	var group errgroup.Group
	group.SetLimit(handshakes)
	for i := range conns {
		group.Go(func() (err error) {
			conns[i], err = watch(api, c, a.tallyOf(c, i))
			return err
		})
	}
	err = group.Wait()
	for _, conn := range conns {
		if conn != nil {
			a.kept = append(a.kept, conn)
		}
	}
	return err
}

// watch posts an offer, and returns when packets may come.
func watch(api *webrtc.API, c Config, t *tally) (*webrtc.PeerConnection, error) {
	conn, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	up := make(chan webrtc.PeerConnectionState, 1)
	conn.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected || s == webrtc.PeerConnectionStateFailed {
			select {
			case up <- s:
			default:
			}
		}
	})
	conn.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { readTrack(track, c, t) })
	if err := negotiate(conn, c.Host); err != nil {
		return conn, err
	}
	select {
	case s := <-up:
		if s != webrtc.PeerConnectionStateConnected {
			return conn, fmt.Errorf("pion: the connection is %v", s)
		}
		return conn, nil
	case <-time.After(connecting):
		return conn, errors.New("pion: not connected in time")
	}
}

// negotiate posts an offer to the sender, and takes its answer.
func negotiate(conn *webrtc.PeerConnection, host netip.Addr) error {
	if _, err := conn.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		return err
	}
	offer, err := conn.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(conn)
	if err := conn.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	response, err := http.Post(fmt.Sprintf("http://%v/whep", netip.AddrPortFrom(host, model.WebRTCPort)), "application/sdp", strings.NewReader(conn.LocalDescription().SDP))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusCreated {
		err = fmt.Errorf("the offer is answered by %s: %s", response.Status, answer)
	}
	if err != nil {
		return err
	}
	return conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

// readTrack reads the packets that pion has opened, until the connection ends.
func readTrack(track *webrtc.TrackRemote, c Config, t *tally) {
	assemble := func([]byte) {}
	if t != nil {
		assemble = newAssembly(c.H264, t)
	}
	for p := make([]byte, 2000); ; {
		n, _, err := track.Read(p)
		if err != nil {
			return
		}
		if t != nil && n >= rtp.HeaderBytes {
			t.saw(binary.BigEndian.Uint16(p[2:]))
		}
		assemble(p[:n])
	}
}
