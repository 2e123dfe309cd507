package rtsp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/mikey"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	frames "github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/srtp"
)

// asker asks on one connection, and reads the answers.
type asker struct {
	*secured
	conn *sim.TCPPeer
	in   []byte
	cseq int
}

// asker connects, and has the handshake succeed.
func (w *secured) asker(host string) *asker {
	w.Helper()
	a := &asker{secured: w, conn: w.dial(host)}
	a.conn.OnData(func(p []byte) { a.in = append(a.in, p...) })
	had := len(w.tls.pending)
	w.until("a handshake", func() bool { return len(w.tls.pending) > had })
	w.tls.succeed(w.tls.pending[had])
	return a
}

// ask sends a request and returns the answer.
func (a *asker) ask(method, headers string) string {
	a.Helper()
	a.cseq++
	a.in = nil
	url := "rtsps://10.0.0.1:8322/cam"
	if method == "SETUP" {
		url += "/trackID=0"
	}
	_, err := a.conn.Write(fmt.Appendf(nil, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, a.cseq, headers))
	a.check(err)
	a.until(method, func() bool { return bytes.Contains(a.in, []byte("\r\n\r\n")) })
	return string(a.in)
}

// told is what an answer tells of the keys.
func (a *asker) told(answer string) (ssrc, rollover uint32, key string) {
	a.Helper()
	found := regexp.MustCompile(`(?:key-mgmt:mikey |KeyMgmt: prot=mikey;uri="[^"]*";data=")([A-Za-z0-9+/=]+)`).FindStringSubmatch(answer)
	if found == nil {
		a.Fatalf("no keys in %q", answer)
	}
	message, err := base64.StdEncoding.DecodeString(found[1])
	a.check(err)
	var m mikey.Message
	a.check(m.Unmarshal(message))
	peer, err := srtp.ParseMIKEY(message)
	a.check(err)
	return m.Header.CSIDMapInfo[0].SSRC, m.Header.CSIDMapInfo[0].ROC, string(peer.Key[:])
}

// keyMgmt is the header of a client's key.
func (w *secured) keyMgmt() string {
	message, err := srtp.NewSealer(w.k.Random, 9).Offer(0).MIKEY(w.k.Wall(), w.k.Random)
	w.check(err)
	return fmt.Sprintf("KeyMgmt: prot=mikey; uri=\"rtsps://10.0.0.1:8322/cam\"; data=\"%s\"\r\n", base64.StdEncoding.EncodeToString(message))
}

// publish has the stream send a picture.
func (w *secured) publish(scan int) {
	params := &frames.Params{Format: frames.JPEG, Width: 640, Height: 480, FramesPerSecond: 30}
	picture := jpeg.Append(nil, &jpeg.Image{Width: 640, Height: 480, Type: jpeg.Type420, Scan: make([]byte, scan)})
	w.check(w.b.Stream("cam").Publish(frames.Frame{Params: params, Bytes: picture, Key: true}))
}

func newSealed(t *testing.T) *secured {
	w := newSecured(t, cast.Config{SRTP: true, RTP: netip.MustParseAddrPort("10.0.0.1:5004"), Spread: cast.AllAtOnce})
	w.publish(1000)
	return w
}

const sealedUDP = "Transport: RTP/SAVP;unicast;client_port=5000-5001\r\n"

// TestTransportsOverTLS says what goes by which transport on an encrypted connection.
func TestTransportsOverTLS(t *testing.T) {
	w := newSealed(t)
	defer w.close()
	a := w.asker("10.0.1.1")
	if sdp := a.ask("DESCRIBE", ""); !strings.Contains(sdp, "m=video 0 RTP/SAVP 26\r\n") {
		t.Errorf("described as %q", sdp)
	}
	short := base64.StdEncoding.EncodeToString([]byte{1, 0, 0})
	for _, c := range []struct{ headers, want string }{
		{"Transport: RTP/AVP;unicast;client_port=5000-5001\r\n", "461 Unsupported Transport: over UDP, rtsps:// is for SRTP alone: ask for RTP/SAVP"},
		{"Transport: RTP/SAVP;unicast;client_port=80-81\r\nKeyMgmt: prot=mikey;data=\"" + short + "\"\r\n", "461 Unsupported Transport: port 80"}, // the address is looked at before the keys
		{"Transport: RTP/AVP;multicast\r\n", "461 "},
		{"Transport: RTP/SAVP;multicast\r\n" + w.keyMgmt(), "461 "},
		{sealedUDP, "400 Bad Request: RTP/SAVP needs the header KeyMgmt"},
		{sealedUDP + "KeyMgmt: prot=sdes;data=\"" + short + "\"\r\n", "400 Bad Request: KeyMgmt must be"},
		{sealedUDP + "KeyMgmt: prot=mikey;data=\"" + short + "\"\r\n", "400 Bad Request: mikey: "},
		{sealedUDP + w.keyMgmt() + w.keyMgmt(), "400 "},
		{"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "200 "},
		{"Transport: RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=4-5\r\n", "200 "},
		{"Transport: RTP/SAVP/TCP;unicast;interleaved=2-3\r\n" + w.keyMgmt(), "200 "},
		{sealedUDP + w.keyMgmt(), "200 "},
	} {
		answer := a.ask("SETUP", c.headers)
		if !strings.HasPrefix(answer, "RTSP/1.0 "+c.want) {
			t.Errorf("%q is answered by %q, want %q", c.headers, answer, c.want)
		}
		sealed := strings.Contains(c.headers, "SAVP") && c.want == "200 "
		if sealed != strings.Contains(answer, "KeyMgmt: ") || sealed != strings.Contains(answer, "Transport: RTP/SAVP") {
			t.Errorf("%q is answered by %q", c.headers, answer)
		}
		if said := strings.Contains(answer, ";ssrc="); said == sealed && strings.HasPrefix(c.want, "200") {
			t.Errorf("%q is answered by %q: the SSRC of SRTP is told with its counter alone", c.headers, answer)
		}
	}
}

// TestKeysOverPlainText has no key go over a connection that others can read.
func TestKeysOverPlainText(t *testing.T) {
	w := newSealed(t)
	defer w.close()
	w.front.options.TLS = nil
	plain, err := Listen(w.b, netip.MustParseAddrPort("10.0.0.1:8554"), Options{})
	w.check(err)
	defer plain.Close()
	conn, err := w.k.DialTCP(netip.MustParseAddrPort("10.0.1.1:0"), netip.MustParseAddrPort("10.0.0.1:8554"))
	w.check(err)
	a := &asker{secured: w, conn: conn}
	conn.OnData(func(p []byte) { a.in = append(a.in, p...) })
	w.until("a connection", conn.Connected)
	if sdp := a.ask("DESCRIBE", ""); !strings.Contains(sdp, "m=video 0 RTP/AVP 26\r\n") || strings.Contains(sdp, "mikey") {
		t.Errorf("described as %q", sdp)
	}
	for _, transport := range []string{sealedUDP, "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\n"} {
		if answer := a.ask("SETUP", transport+w.keyMgmt()); !strings.HasPrefix(answer, "RTSP/1.0 461 ") || strings.Contains(answer, "KeyMgmt") {
			t.Errorf("%q is answered by %q", transport, answer)
		}
	}
}

// TestToldOnce has the answer to SETUP tell the counter that the description has told, though it has gone
// on; another connection is told the present one.
func TestToldOnce(t *testing.T) {
	w := newSealed(t)
	defer w.close()
	early := w.asker("10.0.1.1")
	ssrc, rollover, key := early.told(early.ask("DESCRIBE", ""))
	first := w.asker("10.0.1.2")
	answer := first.ask("SETUP", sealedUDP+w.keyMgmt())
	if s, r, k := first.told(answer); s != ssrc || r != rollover || k != key {
		t.Errorf("SETUP tells SSRC %x, counter %d; want %x, %d", s, r, ssrc, rollover)
	}
	session := regexp.MustCompile(`Session: [^;\r]+`).FindString(answer)
	if answer := first.ask("PLAY", session+"\r\n"); !strings.HasPrefix(answer, "RTSP/1.0 200 ") {
		t.Fatal(answer)
	}
	for range 80 { // some 700 packets each
		w.publish(1_000_000)
		_, err := w.l.Turn(0)
		w.check(err)
	}
	late := w.asker("10.0.1.3")
	if _, r, k := late.told(late.ask("DESCRIBE", "")); r == rollover || k != key {
		t.Errorf("the late one is told %d", r)
	}
	if _, r, _ := early.told(early.ask("SETUP", sealedUDP+w.keyMgmt())); r != rollover {
		t.Errorf("the early one is told %d, and then %d", rollover, r)
	}
	if strings.Contains(w.log.String(), base64.StdEncoding.EncodeToString([]byte(key))) {
		t.Error("the key is logged")
	}
}

// TestNoSRTPOverTLS has a Broadcaster without SRTP be watched over TLS on the connection alone.
func TestNoSRTPOverTLS(t *testing.T) {
	w := newSecured(t, cast.Config{RTP: netip.MustParseAddrPort("10.0.0.1:5004")})
	defer w.close()
	w.publish(1000)
	a := w.asker("10.0.1.1")
	if sdp := a.ask("DESCRIBE", ""); !strings.Contains(sdp, "m=video 0 RTP/AVP 26\r\n") || strings.Contains(sdp, "mikey") {
		t.Errorf("described as %q", sdp)
	}
	if answer := a.ask("SETUP", sealedUDP+w.keyMgmt()); !strings.HasPrefix(answer, "RTSP/1.0 461 Unsupported Transport: there is no SRTP") {
		t.Error(answer)
	}
}

// TestKeysOfGrantsThatDoNotHold has the gate change its mind after it has admitted a request, as when a
// user is removed while a camera is opened: no keys are told any more, not even for a session that
// is there.
func TestKeysOfGrantsThatDoNotHold(t *testing.T) {
	w := newSealed(t)
	defer w.close()
	holds := true
	w.gate.valid = func() bool { return holds }
	a := w.asker("10.0.1.1")
	answer := a.ask("SETUP", sealedUDP+w.keyMgmt())
	session := regexp.MustCompile(`Session: [^;\r]+`).FindString(answer)
	holds = false
	for method, headers := range map[string]string{"DESCRIBE": "", "SETUP": session + "\r\n" + sealedUDP + w.keyMgmt()} {
		answer := a.ask(method, headers)
		if !strings.HasPrefix(answer, "RTSP/1.0 401 ") || strings.Contains(strings.ToLower(answer), "mikey") {
			t.Errorf("%s is answered by %q", method, answer)
		}
	}
}
