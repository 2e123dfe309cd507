package whep

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Answer is what the server tells a viewer.
type Answer struct {
	// SessionID is the SDP's: a random number below 2^63, a new one for each answer (RFC 9429, section 5.2.1).
	SessionID uint64
	// Ufrag and Password are the server's ICE user name fragment and password, of letters and digits: at least 4 and 22 of
	// them (RFC 8839, section 5.4).
	Ufrag, Password string
	// Fingerprint is that of the server's certificate.
	Fingerprint Fingerprint
	// Candidates are where the server is reached by UDP, the best one first. There must be at least one.
	Candidates []netip.AddrPort
	// Codec is what the server sends: one of Offer.Codecs.
	Codec Codec
	// SSRC and CNAME are those of the RTP packets and of their reports.
	SSRC  uint32
	CNAME string
}

// Answer makes the SDP of an answer. It accepts the first video section that the server can send to. The others are inactive if they
// are in one bundle with it, else rejected.
func (o *Offer) Answer(a Answer) []byte {
	s := sdp.SessionDescription{
		Origin: sdp.Origin{Username: "-", SessionID: a.SessionID, SessionVersion: 1, NetworkType: "IN", AddressType: addressType(a.Candidates[0].Addr()),
			UnicastAddress: addressOf(a.Candidates[0].Addr())},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
		Attributes:       []sdp.Attribute{{Key: "ice-lite"}, {Key: "ice-options", Value: iceOptions}},
	}
	if len(o.bundle) > 0 {
		group := "BUNDLE"
		for _, i := range o.bundle {
			group += " " + o.sections[i].mid
		}
		s.Attributes = append(s.Attributes, sdp.Attribute{Key: sdp.AttrKeyGroup, Value: group})
	}
	for i, one := range o.sections {
		var m *sdp.MediaDescription
		switch {
		case i == o.video:
			m = o.track(one, a)
		case slices.Contains(o.bundle, i):
			m = one.idle(a)
		default:
			m = one.rejected(a)
		}
		s.MediaDescriptions = append(s.MediaDescriptions, m)
	}
	text, _ := s.Marshal() // the error is always nil
	return text
}

// iceOptions: candidates may be sent later, by HTTP (RFC 8838), and the agent is one of RFC 8445 (section 10).
const iceOptions = "trickle ice2"

// idle is a section that stays though nothing is sent in it.
func (one section) idle(a Answer) *sdp.MediaDescription {
	m := one.begin(a.Candidates[0].Port(), one.format)
	m.ConnectionInformation = connection(a.Candidates[0].Addr())
	if one.media == "application" { // a data channel
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "sctp-port", Value: "5000"})
	} else {
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "inactive"}, sdp.Attribute{Key: "rtcp-mux"})
	}
	if one.mapped != "" {
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "rtpmap", Value: one.format + " " + one.mapped})
	}
	m.Attributes = append(m.Attributes, a.transport()...)
	return m
}

// transport is what is said of ICE and DTLS.
func (a Answer) transport() []sdp.Attribute {
	return append(a.security(), candidates(a.Candidates)...)
}

// security is what is said of ICE and DTLS besides the candidates.
func (a Answer) security() []sdp.Attribute {
	return []sdp.Attribute{
		{Key: "ice-ufrag", Value: a.Ufrag}, {Key: "ice-pwd", Value: a.Password},
		{Key: "fingerprint", Value: a.Fingerprint.String()}, {Key: "setup", Value: "passive"},
	}
}

// candidates says where the server is: all are of type host, and the first one is preferred.
func candidates(all []netip.AddrPort) (said []sdp.Attribute) {
	for i, at := range all {
		value := fmt.Sprintf("%d %d udp %d %s %d typ host", i+1, component, priority(i), addressOf(at.Addr()), at.Port())
		said = append(said, sdp.Attribute{Key: "candidate", Value: value})
	}
	return append(said, sdp.Attribute{Key: "end-of-candidates"})
}

// rejected is a section that the server does not want. Of ICE and DTLS it has what aiortc does not read an answer without.
func (one section) rejected(a Answer) *sdp.MediaDescription {
	m := one.begin(0, one.format)
	m.ConnectionInformation = connection(netip.IPv4Unspecified())
	m.Attributes = append(m.Attributes, sdp.Attribute{Key: "inactive"})
	m.Attributes = append(m.Attributes, a.security()...)
	return m
}

// begin is the answer to a section, with what an accepted and a rejected one have in common.
func (one section) begin(port uint16, format string) *sdp.MediaDescription {
	m := &sdp.MediaDescription{MediaName: sdp.MediaName{
		Media: one.media, Port: sdp.RangedPort{Value: int(port)}, Protos: strings.Split(one.protocol, "/"), Formats: []string{format},
	}}
	if one.mid != "" {
		m.Attributes = []sdp.Attribute{{Key: sdp.AttrKeyMID, Value: one.mid}}
	}
	return m
}

// track is the answer to the section that is accepted.
func (o *Offer) track(one section, a Answer) *sdp.MediaDescription {
	format := strconv.Itoa(int(a.Codec.PayloadType))
	m := one.begin(a.Candidates[0].Port(), format)
	m.ConnectionInformation = connection(a.Candidates[0].Addr())
	add := func(key, value string) { m.Attributes = append(m.Attributes, sdp.Attribute{Key: key, Value: value}) }
	add("sendonly", "")
	add("rtcp-mux", "")
	if o.reduced {
		add("rtcp-rsize", "")
	}
	add("rtpmap", format+" H264/90000")
	add("fmtp", format+" "+a.Codec.format())
	for _, kind := range a.Codec.feedback {
		add("rtcp-fb", format+" "+kind)
	}
	if o.PlayoutDelayID != 0 {
		direction := ""
		if o.delayDirected {
			direction = "/sendonly"
		}
		add("extmap", fmt.Sprintf("%d%s %s", o.PlayoutDelayID, direction, playoutDelayURI))
	}
	add("msid", "camcast video")
	add("ssrc", fmt.Sprintf("%d cname:%s", a.SSRC, a.CNAME))
	m.Attributes = append(m.Attributes, a.transport()...)
	return m
}

// component is RTP's, which RTCP shares (RFC 8445, section 13).
const component = 1

// priority is that of the candidate with an index, the first one being preferred (RFC 8445, section 5.1.2.1).
func priority(i int) uint32 {
	const hostPreference, localPreference = 126, 65535
	return hostPreference<<24 | uint32(localPreference-i)<<8 | (256 - component)
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
