// Package whep reads the offers of browsers that want to watch a stream by WebRTC, and writes the answers: the SDP of WHEP
// (draft-ietf-wish-whep, RFC 9429). The server sends one track of H.264 and nothing else, is an ICE lite agent, and has the
// browser begin the DTLS handshake. SDP is read and written by github.com/pion/sdp.
//
// ParseOffer reads an offer, Offer.Choose chooses what is sent, and Offer.Answer writes the answer. ParseFragment reads what a
// browser sends of ICE later.
package whep

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// MaxOfferBytes is the size of the largest offer that is read. Those of browsers have some 6 kB.
const MaxOfferBytes = 32 << 10

const (
	// maxSections is how many media sections an offer may have.
	maxSections = 32
	// maxFingerprints is how many fingerprints of an offer are kept: browsers send one, or that of one certificate by
	// several hashes.
	maxFingerprints = 8
)

// Refusal is the error of an offer that can be read, and that the server cannot accept.
type Refusal struct {
	// Reason says what is wrong with the offer, and what would be right.
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Offer is what the server needs of a browser's offer. It does not change.
type Offer struct {
	// Ufrag is the browser's ICE user name fragment (RFC 8839). Like Fingerprints, it shares no memory with the offer.
	Ufrag string
	// Codecs are the payload types of H.264 that the server can send, in the order of the offer; there is at least one.
	Codecs []Codec
	// PlayoutDelayID is the id of the header extension playout-delay, 1 to 14; 0: it is not offered.
	PlayoutDelayID uint8
	// Fingerprints are those of the certificates of which the browser proves one in the DTLS handshake; there is at least
	// one.
	Fingerprints Fingerprints

	sections []section
	video    int // the index of the section that is accepted
	// bundle are the indices of the video and of other sections that are in one bundle with it, in the order of the bundle, nil if it is
	// in none. They stay in the answer.
	bundle []int
	// reduced: RTCP without reports is offered (rtcp-rsize, RFC 5506). delayDirected: it is said in which direction playout-delay is
	// for, as the answer has to then (RFC 8285, section 8).
	reduced, delayDirected bool
}

// section is what the answer repeats of a media section.
type section struct {
	media, protocol, format, mid string
	// mapped is what format is in RTP (rtpmap), "" if that is not said.
	mapped string
	// hasPort: it has addresses of its own. isOpen: it is not rejected.
	hasPort, isOpen bool
}

// isMedia reports whether a section is of RTP.
func (one section) isMedia() bool { return slices.Contains(protocols, one.protocol) }

// ParseOffer reads an offer. The text is not kept. The error is a *Refusal if the offer can be read and the server cannot accept
// it; else it says why the offer is no SDP that can be read.
func ParseOffer(text []byte) (*Offer, error) {
	if len(text) > MaxOfferBytes {
		return nil, fmt.Errorf("the offer has %d bytes: must be at most %d", len(text), MaxOfferBytes)
	}
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil || !bytes.HasPrefix(text, versionLine) {
		return nil, faultOf(text)
	}
	if n := len(s.MediaDescriptions); n > maxSections {
		return nil, fmt.Errorf("the offer has %d media sections: must be at most %d", n, maxSections)
	}
	o := &Offer{video: -1}
	why := errors.New("the offer has no video section: must have one that is recvonly")
	for i, m := range s.MediaDescriptions {
		one, err := readSection(m)
		if err != nil {
			return nil, fmt.Errorf("media section %d of the offer: %w", i+1, err)
		}
		o.sections = append(o.sections, one)
		if o.video >= 0 || one.media != "video" {
			continue
		}
		if err := o.accept(&s, m, one); err != nil {
			why = err
			continue
		}
		o.video = i
	}
	if o.video < 0 {
		return nil, &Refusal{why.Error()}
	}
	if err := o.readTransport(&s); err != nil {
		return nil, err
	}
	return o, nil
}

// versionLine is how an SDP begins.
var versionLine = []byte("v=0")

// faultOf says where an offer is no SDP.
func faultOf(text []byte) error {
	if !bytes.HasPrefix(text, versionLine) {
		return errors.New("the offer must be an SDP, which begins with v=0")
	}
	if err := checkLines(text); err != nil {
		return fmt.Errorf("the offer is no SDP: %w", err)
	}
	return errors.New("the offer is no SDP: its lines are in a wrong order, or a value is wrong (RFC 8866)")
}

// checkLines says which line is none of an SDP.
func checkLines(text []byte) error {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 && (len(line) < 2 || line[1] != '=') {
			return fmt.Errorf("line %d must be a letter, = and a value, as in a=recvonly", number)
		}
	}
	return nil
}

// readSection reads what the answer repeats of a section.
func readSection(m *sdp.MediaDescription) (section, error) {
	_, bundleOnly := m.Attribute("bundle-only")
	one := section{media: m.MediaName.Media, protocol: strings.Join(m.MediaName.Protos, "/"), hasPort: m.MediaName.Port.Value != 0}
	one.isOpen = one.hasPort || bundleOnly
	one.mid, _ = m.Attribute(sdp.AttrKeyMID)
	if len(m.MediaName.Formats) > 0 {
		one.format = m.MediaName.Formats[0]
	}
	for _, a := range m.Attributes {
		if format, name, _ := strings.Cut(a.Value, " "); a.Key == "rtpmap" && format == one.format && isToken(strings.ReplaceAll(name, "/", "")) {
			one.mapped = name
		}
	}
	if !isToken(one.media) || !isToken(one.format) || !isToken(strings.ReplaceAll(one.protocol, "/", "")) || one.mid != "" && !isToken(one.mid) {
		return one, fmt.Errorf("its media, protocol, format and mid must be of up to %d letters, digits and signs (RFC 8866, section 9)", maxTokenBytes)
	}
	return one, nil
}

// maxTokenBytes is the size of the longest word that an answer repeats.
const maxTokenBytes = 64

// isToken reports whether an answer may repeat a word (RFC 8866, section 9).
func isToken(word string) bool {
	const others = "!#$%&'*+-.^_`{|}~"
	return word != "" && len(word) <= maxTokenBytes && strings.IndexFunc(word, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(others, c)
	}) < 0
}

// protocols are those that an m= line may have for DTLS and SRTP. That it means these shows by its fingerprint alone (RFC 9429,
// section 5.1.2).
var protocols = []string{
	"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP",
}

// accept reads what a section of video offers. The error says why the server cannot send to it.
func (o *Offer) accept(s *sdp.SessionDescription, m *sdp.MediaDescription, one section) error {
	_, muxed := m.Attribute("rtcp-mux")
	switch {
	case !one.isOpen:
		return errors.New("the offer's video section has port 0, which turns it off: must be another one, such as 9")
	case !one.isMedia():
		return errors.New("the offer's video section is not by DTLS and SRTP: must be UDP/TLS/RTP/SAVPF")
	case !muxed:
		return errors.New("the offer's video section has no rtcp-mux: must have it, as RTCP has no port of its own here")
	case !receives(s, m):
		return errors.New("the offer's video section does not receive: must be recvonly or sendrecv")
	}
	codecs, mode0 := readCodecs(m)
	switch {
	case len(codecs) > 0:
	case mode0:
		return errors.New("the H.264 that is offered takes no picture larger than a packet: the server sends packetization-mode=1, which must be offered")
	default:
		return errors.New("the offer has no H.264 with packetization-mode=1, and the server sends nothing else: " +
			"the browser has no H.264, or its plug-in for it is not installed yet")
	}
	o.Codecs = codecs
	o.PlayoutDelayID, o.delayDirected = playoutDelay(m)
	_, o.reduced = m.Attribute("rtcp-rsize")
	return nil
}

// receives reports whether the browser receives what a section has. A section's direction comes before the session's.
func receives(s *sdp.SessionDescription, m *sdp.MediaDescription) bool {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "recvonly", "sendrecv":
				return true
			case "sendonly", "inactive":
				return false
			}
		}
	}
	return true
}

// playoutDelayURI names the header extension by which a sender says how long a viewer holds frames.
const playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// playoutDelay is the extension's id, 0 if it is not offered or does not fit into the one-byte form (RFC 8285). directed: it is
// said in which direction it is for.
func playoutDelay(m *sdp.MediaDescription) (id uint8, directed bool) {
	for _, a := range m.Attributes {
		if fields := strings.Fields(a.Value); a.Key == "extmap" && len(fields) > 1 && fields[1] == playoutDelayURI {
			number, direction, directed := strings.Cut(fields[0], "/") // Firefox writes 6/recvonly
			if n, err := strconv.ParseUint(number, 10, 8); err == nil && n >= 1 && n <= 14 && direction != "inactive" && direction != "sendonly" {
				return uint8(n), directed
			}
		}
	}
	return 0, false
}
