package rtsp

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Description is what a reader must know of a stream before it can play it. It becomes the SDP.
type Description struct {
	// Path is the stream's canonical path, without slashes around it: Media.Setup and Session.Path use it, whatever URL the
	// client asked for.
	Path string

	// Name is shown to people (s=). Empty is sent as "-".
	Name string

	// SessionID and Version identify this description among others of the same origin (o=, RFC 8866 section 5.2). The id
	// stays as long as the stream exists. The version must grow with every change of the description.
	SessionID, Version uint64

	// PayloadType is that of the stream's RTP packets, 0 to 127 (RFC 3551).
	PayloadType uint8

	// Encoding is the payload format's name and its clock rate, such as "JPEG/90000" or "H264/90000" (a=rtpmap). It may be
	// empty, and a=rtpmap is left out then, for the payload types 24 to 34, which mean one video format each.
	Encoding string

	// FormatParameters are those of the payload format, without the payload type (a=fmtp). Empty leaves the line out.
	FormatParameters string

	// Width and Height are in pixels. They are sent as a=x-dimensions, which GStreamer needs for JPEG wider or higher than
	// 2040, and as a=framesize (RFC 6064). 0 leaves them out.
	Width, Height int

	// KeyMgmt is what a client must know of the keys to receive SRTP, a message of MIKEY (RFC 4567). The profile is RTP/SAVP
	// then. It must be given only on an encrypted connection. nil: RTP is not sealed.
	KeyMgmt []byte

	// FrameRate is in frames per second, the highest that will be (RFC 8866 section 6.11). 0 leaves it out.
	FrameRate float64
}

// Place says where a stream is sent, in an SDP.
type Place struct {
	// Origin is the address of the machine that makes the description (o=). The zero Addr stands for the IPv4 wildcard.
	Origin netip.Addr

	// Media is where the packets go: the address in c=, the RTP port in m=, RTCP one above. The zero value means that
	// SETUP will tell, as in answers to DESCRIBE.
	Media netip.AddrPort

	// TTL is the scope of an IPv4 multicast address, 1 to 255. It is not used for others.
	TTL uint8

	// Control is the stream's URL without trailing slash. Empty means that RTSP does not control the stream, as in a file.
	Control string
}

// SDP returns the description of a stream (RFC 8866). With [Place.Media] it suits a file for players that receive what is
// sent to them; the server itself makes the SDP for DESCRIBE. The result is the caller's.
func SDP(d Description, at Place) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("rtsp: describe stream %q: %w", d.Path, err)
	}
	if err := at.check(); err != nil {
		return nil, fmt.Errorf("rtsp: describe stream %q: %w", d.Path, err)
	}
	origin := at.origin()
	session := sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: d.SessionID, SessionVersion: d.Version,
			NetworkType: "IN", AddressType: addressType(origin), UnicastAddress: origin.WithZone("").String(),
		},
		SessionName:           "-",
		ConnectionInformation: at.connection(),
		TimeDescriptions:      []sdp.TimeDescription{{}}, // t=0 0: not bounded
		MediaDescriptions:     []*sdp.MediaDescription{d.track(at)},
	}
	if d.Name != "" {
		session.SessionName = sdp.SessionName(d.Name)
	}
	if at.Control != "" {
		session.Attributes = []sdp.Attribute{
			{Key: "control", Value: at.Control},
			{Key: "range", Value: "npt=now-"}, // live: players do not offer to seek
		}
	}
	return session.Marshal()
}

// track is the media description of the stream's only track.
func (d *Description) track(at Place) *sdp.MediaDescription {
	pt := strconv.Itoa(int(d.PayloadType))
	track := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: "video", Port: sdp.RangedPort{Value: int(at.Media.Port())}, Protos: []string{"RTP", "AVP"}, Formats: []string{pt},
	}}
	add := func(key, value string) {
		track.Attributes = append(track.Attributes, sdp.Attribute{Key: key, Value: value})
	}
	if d.KeyMgmt != nil {
		track.MediaName.Protos[1] = "SAVP"
		add("key-mgmt", "mikey "+base64.StdEncoding.EncodeToString(d.KeyMgmt))
	}
	if d.Encoding != "" {
		add("rtpmap", pt+" "+d.Encoding)
	}
	if d.FormatParameters != "" {
		add("fmtp", pt+" "+d.FormatParameters)
	}
	if d.Width > 0 && d.Height > 0 {
		add("framesize", fmt.Sprintf("%s %d-%d", pt, d.Width, d.Height))
		add("x-dimensions", fmt.Sprintf("%d,%d", d.Width, d.Height))
	}
	if d.FrameRate > 0 {
		add("framerate", strconv.FormatFloat(math.Round(d.FrameRate*1000)/1000, 'f', -1, 64))
	}
	if at.Control != "" {
		add("control", at.Control+trackSuffix)
	}
	return track
}

// The payload types that mean a video format by themselves (RFC 3551 section 6, table 5).
const (
	firstStaticVideo = 24
	lastStaticVideo  = 34
)

// check refuses a description that would give another SDP than the caller meant: above all line breaks.
func (d *Description) check() error {
	if d.PayloadType > 127 {
		return fmt.Errorf("payload type %d, want 0 to 127", d.PayloadType)
	}
	static := firstStaticVideo <= d.PayloadType && d.PayloadType <= lastStaticVideo
	if d.Encoding == "" && !static {
		return fmt.Errorf("payload type %d without encoding, want one such as \"H264/90000\"", d.PayloadType)
	}
	if d.Encoding != "" && !isEncoding(d.Encoding) {
		return fmt.Errorf("encoding %q, want a name and a clock rate such as \"H264/90000\"", d.Encoding)
	}
	if math.IsNaN(d.FrameRate) || math.IsInf(d.FrameRate, 0) {
		return fmt.Errorf("frame rate %v, want a number", d.FrameRate)
	}
	for _, text := range []string{d.Name, d.FormatParameters} {
		if !isPrintable(text) {
			return fmt.Errorf("control characters in %q, want a single line of text", text)
		}
	}
	return nil
}

// isEncoding reports whether s is a token and a clock rate above 0: NAME/HZ (RFC 8866 section 6.6).
func isEncoding(s string) bool {
	name, clock, _ := strings.Cut(s, "/")
	for _, b := range []byte(name) {
		if !isToken(b) {
			return false
		}
	}
	hz, err := strconv.ParseUint(clock, 10, 32)
	return name != "" && err == nil && hz > 0
}

func (p *Place) check() error {
	if !isPrintable(p.Control) {
		return fmt.Errorf("control characters in URL %q", p.Control)
	}
	if !p.Media.Addr().IsValid() {
		return nil
	}
	if p.Media.Port() == 0 || p.Media.Port() == 65535 {
		return fmt.Errorf("media to %v, want a port from 1 to 65534 with RTCP one above", p.Media)
	}
	if p.group() && p.Media.Addr().Unmap().Is4() && p.TTL == 0 {
		return fmt.Errorf("multicast to %v with TTL 0, want 1 to 255", p.Media)
	}
	return nil
}

func (p *Place) group() bool { return p.Media.Addr().Unmap().IsMulticast() }

func (p *Place) origin() netip.Addr {
	if p.Origin.IsValid() {
		return p.Origin.Unmap()
	}
	return netip.IPv4Unspecified()
}

// connection is the c= line. An address of 0.0.0.0 or :: means that SETUP decides (RFC 2326 section C.1.7).
func (p *Place) connection() *sdp.ConnectionInformation {
	addr := p.Media.Addr().Unmap().WithZone("")
	if !addr.IsValid() {
		addr = netip.IPv4Unspecified()
		if p.origin().Is6() {
			addr = netip.IPv6Unspecified()
		}
	}
	c := &sdp.ConnectionInformation{
		NetworkType: "IN", AddressType: addressType(addr), Address: &sdp.Address{Address: addr.String()},
	}
	if p.group() && addr.Is4() {
		ttl := int(p.TTL)
		c.Address.TTL = &ttl
	}
	return c
}

func addressType(addr netip.Addr) string {
	if addr.Is4() {
		return "IP4"
	}
	return "IP6"
}
