// Package whep reads the offers of browsers that want to watch a stream by WebRTC, and writes the answers: the SDP of WHEP
// (draft-ietf-wish-whep, RFC 8829). The server sends one track of H.264 and nothing else, is an ICE lite agent, and is asked
// for the DTLS handshake. SDP is read and written by github.com/pion/sdp.
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
	// maxFingerprints is how many certificates of an offer are known: browsers name one, by one hash or by several.
	maxFingerprints = 8
)

// Refusal is an error of an offer that is understood, and that the server has no answer to.
type Refusal struct{ Reason string }

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

// Offer is what the server needs of one. It does not change.
type Offer struct {
	// Ufrag is the peer's user name fragment (RFC 8839). Like Fingerprints, it may be kept without the offer.
	Ufrag string
	// Codecs are the payload types of H.264 that the server can send, in the order of the offer; there is at least one.
	Codecs []Codec
	// PlayoutDelayID is the id of the header extension playout-delay, 1 to 14; 0: it is not offered.
	PlayoutDelayID uint8
	// Fingerprints are those of the certificates by which the peer may prove that it is the one; there is at least one.
	Fingerprints Fingerprints

	sections []section
	video    int // the index of the section that is accepted
	bundled  bool
}

// section is a media section.
type section struct {
	media, protocol, format, mid string
}

// ParseOffer reads an offer. The error is a *Refusal if it is one that the server has no answer to, else says what is wrong.
func ParseOffer(text []byte) (*Offer, error) {
	if len(text) > MaxOfferBytes {
		return nil, fmt.Errorf("the offer is larger than %d bytes", MaxOfferBytes)
	}
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil || !bytes.HasPrefix(text, []byte("v=0")) {
		return nil, errors.New("the offer is no SDP that can be read")
	}
	if len(s.MediaDescriptions) > maxSections {
		return nil, fmt.Errorf("the offer has more than %d media sections", maxSections)
	}
	o := &Offer{video: -1}
	why := errors.New("no video is asked for")
	for i, m := range s.MediaDescriptions {
		one, err := readSection(m)
		if err != nil {
			return nil, err
		}
		o.sections = append(o.sections, one)
		if o.video >= 0 || one.media != "video" {
			continue
		}
		if err := o.accept(&s, m); err != nil {
			why = err
			continue
		}
		o.video = i
	}
	if o.video < 0 {
		return nil, &Refusal{why.Error()}
	}
	return o, o.readTransport(&s)
}

// readSection reads what the answer repeats of a section.
func readSection(m *sdp.MediaDescription) (section, error) {
	one := section{media: m.MediaName.Media, protocol: strings.Join(m.MediaName.Protos, "/")}
	one.mid, _ = m.Attribute(sdp.AttrKeyMID)
	if len(m.MediaName.Formats) > 0 {
		one.format = m.MediaName.Formats[0]
	}
	if !isToken(one.media) || !isToken(one.format) || !isToken(strings.ReplaceAll(one.protocol, "/", "")) || one.mid != "" && !isToken(one.mid) {
		return one, errors.New("the offer has a media section that cannot be read")
	}
	return one, nil
}

// isToken reports whether an answer may repeat a word (RFC 8866, section 9).
func isToken(word string) bool {
	const others = "!#$%&'*+-.^_`{|}~"
	return word != "" && len(word) <= 64 && strings.IndexFunc(word, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(others, c)
	}) < 0
}

// accept reads what a section of video offers. The error says why the server cannot send to it.
func (o *Offer) accept(s *sdp.SessionDescription, m *sdp.MediaDescription) error {
	_, bundleOnly := m.Attribute("bundle-only")
	_, muxed := m.Attribute("rtcp-mux")
	switch profile := m.MediaName.Protos; {
	case m.MediaName.Port.Value == 0 && !bundleOnly:
		return errors.New("the video has no port")
	case !slices.Contains(profile, "TLS") || !strings.HasPrefix(profile[len(profile)-1], "SAVP"):
		return errors.New("the video is not asked for by DTLS and SRTP")
	case !muxed:
		return errors.New("RTCP is asked for on a port of its own: only rtcp-mux is served")
	case !receives(s, m):
		return errors.New("the video is not asked to be received: it must be recvonly or sendrecv")
	}
	if o.Codecs = readCodecs(m); len(o.Codecs) == 0 {
		return errors.New("no H.264 with packetization-mode=1 is offered, and the server has no other: " +
			"the browser has no H.264, or its plug-in for it is not installed yet")
	}
	o.PlayoutDelayID = playoutDelay(m)
	return nil
}

// receives reports whether the peer wants to receive what a section has.
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

// playoutDelayURI names the header extension by which a sender says how long frames may wait.
const playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// playoutDelay is the extension's id, 0 if it is not offered or does not fit into the one-byte form (RFC 8285).
func playoutDelay(m *sdp.MediaDescription) uint8 {
	for _, a := range m.Attributes {
		if fields := strings.Fields(a.Value); a.Key == "extmap" && len(fields) > 1 && fields[1] == playoutDelayURI {
			id, direction, _ := strings.Cut(fields[0], "/") // Firefox writes 6/recvonly
			if n, err := strconv.ParseUint(id, 10, 8); err == nil && n >= 1 && n <= 14 && direction != "inactive" && direction != "sendonly" {
				return uint8(n)
			}
		}
	}
	return 0
}

// readTransport reads what is said of ICE and DTLS: in the section, for the session, or in the first section of its bundle
// (RFC 8843, section 7.1.3).
func (o *Offer) readTransport(s *sdp.SessionDescription) error {
	mid := o.sections[o.video].mid
	in := [][]sdp.Attribute{s.MediaDescriptions[o.video].Attributes, s.Attributes}
	if group, ok := s.Attribute(sdp.AttrKeyGroup); ok {
		mids := strings.Fields(group)
		if o.bundled = len(mids) > 1 && mids[0] == "BUNDLE" && mid != "" && slices.Contains(mids[1:], mid); o.bundled {
			first := slices.IndexFunc(o.sections, func(one section) bool { return one.mid == mids[1] })
			if first >= 0 {
				in = append(in, s.MediaDescriptions[first].Attributes)
			}
		}
	}
	all := func(key string) (values []string) {
		for _, attributes := range in {
			for _, a := range attributes {
				if a.Key == key {
					values = append(values, a.Value)
				}
			}
			if values != nil {
				break
			}
		}
		return values
	}
	ufrag, password, setup := all("ice-ufrag"), all("ice-pwd"), all("setup")
	switch _, lite := s.Attribute("ice-lite"); {
	case len(ufrag) != 1 || len(password) != 1 || ufrag[0] == "" || len(ufrag[0]) > 256:
		return &Refusal{"the offer has no ICE user name and password"}
	case lite:
		return &Refusal{"the offer is of an ICE lite agent, and so is the server: one of both must look for the other"}
	case len(setup) > 0 && setup[0] != "actpass" && setup[0] != "active":
		return &Refusal{"the offer wants the server to begin the DTLS handshake: setup must be actpass or active"}
	}
	o.Ufrag = strings.Clone(ufrag[0]) // what is cut out of the text would keep much of it in memory
	for _, text := range all("fingerprint") {
		if f, ok := parseFingerprint(text); ok && len(o.Fingerprints) < maxFingerprints {
			o.Fingerprints = append(o.Fingerprints, f)
		}
	}
	if len(o.Fingerprints) == 0 {
		return &Refusal{"the offer has no fingerprint of a certificate by sha-256, sha-384 or sha-512"}
	}
	return nil
}
