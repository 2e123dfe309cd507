package whep

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Answer is what the server says.
type Answer struct {
	// SessionID is another one for each answer.
	SessionID uint64
	// Ufrag and Password are the server's, of letters and digits: at least 4 and 22 (RFC 8839).
	Ufrag, Password string
	// Fingerprint is that of the server's certificate.
	Fingerprint Fingerprint
	// Candidates are where the server is, the best one first. There must be at least one.
	Candidates []netip.AddrPort
	// Codec is the one of the offer that the server sends.
	Codec Codec
	// SSRC and CNAME are those of the packets.
	SSRC  uint32
	CNAME string
}

// Answer is the answer to the offer. The other sections of the offer are rejected.
func (o *Offer) Answer(a Answer) ([]byte, error) {
	s := sdp.SessionDescription{
		Origin: sdp.Origin{Username: "-", SessionID: a.SessionID, SessionVersion: 1, NetworkType: "IN", AddressType: addressType(a.Candidates[0].Addr()),
			UnicastAddress: addressOf(a.Candidates[0].Addr())},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
		Attributes:       []sdp.Attribute{{Key: "ice-lite"}},
	}
	if o.bundled {
		s.Attributes = append(s.Attributes, sdp.Attribute{Key: sdp.AttrKeyGroup, Value: "BUNDLE " + o.sections[o.video].mid})
	}
	for i, one := range o.sections {
		m := one.rejected()
		if i == o.video {
			m = o.track(one, a)
		}
		s.MediaDescriptions = append(s.MediaDescriptions, m)
	}
	return s.Marshal()
}

// rejected is a section that the server does not want.
func (one section) rejected() *sdp.MediaDescription {
	m := one.begin(0, one.format)
	m.ConnectionInformation = connection(netip.IPv4Unspecified())
	m.Attributes = append(m.Attributes, sdp.Attribute{Key: "inactive"})
	return m
}

// begin is a section with what it has in any case.
func (one section) begin(port uint16, format string) *sdp.MediaDescription {
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: one.media, Port: sdp.RangedPort{Value: int(port)}, Protos: strings.Split(one.protocol, "/"), Formats: []string{format},
	}}
	if one.mid != "" {
		m.Attributes = []sdp.Attribute{{Key: sdp.AttrKeyMID, Value: one.mid}}
	}
	return m
}

// track is the section that is accepted.
func (o *Offer) track(one section, a Answer) *sdp.MediaDescription {
	format := strconv.Itoa(int(a.Codec.PayloadType))
	m := one.begin(a.Candidates[0].Port(), format)
	m.ConnectionInformation = connection(a.Candidates[0].Addr())
	add := func(key, value string) { m.Attributes = append(m.Attributes, sdp.Attribute{Key: key, Value: value}) }
	add("sendonly", "")
	add("rtcp-mux", "")
	add("ice-ufrag", a.Ufrag)
	add("ice-pwd", a.Password)
	add("fingerprint", a.Fingerprint.String())
	add("setup", "passive")
	add("rtpmap", format+" H264/90000")
	add("fmtp", fmt.Sprintf("%s level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%x", format, a.Codec.ProfileLevelID))
	for _, kind := range a.Codec.feedback {
		add("rtcp-fb", format+" "+kind)
	}
	if o.PlayoutDelayID != 0 {
		add("extmap", fmt.Sprintf("%d %s", o.PlayoutDelayID, playoutDelayURI))
	}
	add("msid", "camcast video")
	add("ssrc", fmt.Sprintf("%d cname:%s", a.SSRC, a.CNAME))
	for i, at := range a.Candidates {
		// Of type host: the first one is preferred (RFC 8445, section 5.1.2.1).
		priority := 126<<24 | uint32(65535-i)<<8 | 255
		add("candidate", fmt.Sprintf("%d 1 udp %d %s %d typ host", i+1, priority, addressOf(at.Addr()), at.Port()))
	}
	add("end-of-candidates", "")
	return m
}

func addressOf(ip netip.Addr) string { return ip.Unmap().WithZone("").String() }

func addressType(ip netip.Addr) string {
	if ip.Unmap().Is4() {
		return "IP4"
	}
	return "IP6"
}

func connection(ip netip.Addr) *sdp.ConnectionInformation {
	return &sdp.ConnectionInformation{NetworkType: "IN", AddressType: addressType(ip), Address: &sdp.Address{Address: addressOf(ip)}}
}
