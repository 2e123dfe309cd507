package whep

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// This file reads what an offer says of ICE and DTLS.

// maxUfragBytes is the size of the longest user name fragment (RFC 8839, section 5.4).
const maxUfragBytes = 256

// readBundle finds the video's bundle. Of the other sections in it those of RTP stay: aiortc needs them, and one that is rejected may
// be the one with the addresses (RFC 9143, section 7.3). So may be a data channel, which stays only if the video has no addresses.
func (o *Offer) readBundle(s *sdp.SessionDescription) {
	mid := o.sections[o.video].mid
	for _, a := range s.Attributes {
		mids := strings.Fields(a.Value)
		if a.Key != sdp.AttrKeyGroup || len(mids) < 2 || mids[0] != "BUNDLE" || mid == "" || !slices.Contains(mids[1:], mid) {
			continue
		}
		for _, other := range mids[1:] {
			i := slices.IndexFunc(o.sections, func(one section) bool { return one.mid == other })
			if i < 0 || slices.Contains(o.bundle, i) {
				continue
			}
			one := o.sections[i]
			if i == o.video || one.isOpen && (one.isMedia() || len(o.bundle) == 0 && !o.sections[o.video].hasPort) {
				o.bundle = append(o.bundle, i)
			}
		}
		return
	}
}

// readTransport reads what the offer says of ICE and DTLS.
func (o *Offer) readTransport(s *sdp.SessionDescription) error {
	o.readBundle(s)
	if !o.sections[o.video].hasPort && (len(o.bundle) == 0 || !o.sections[o.bundle[0]].hasPort) {
		return &Refusal{"the offer's video section is bundle-only, and the first section of its bundle has no port"}
	}
	all := o.transportOf(s)
	ufrag, password, setup := all.values("ice-ufrag"), all.values("ice-pwd"), all.values("setup")
	switch _, lite := s.Attribute("ice-lite"); {
	case len(ufrag) != 1 || len(password) != 1 || ufrag[0] == "" || len(ufrag[0]) > maxUfragBytes:
		return &Refusal{"the offer has no ICE user name and password: must have one a=ice-ufrag and one a=ice-pwd"}
	case lite:
		return &Refusal{"the offer is of an ICE lite agent, and so is the server: one of both must send the checks"}
	case len(setup) > 0 && setup[0] != "actpass" && setup[0] != "active":
		return &Refusal{"the offer wants the server to begin the DTLS handshake: setup must be actpass or active"}
	}
	o.Ufrag = strings.Clone(ufrag[0]) // a part of the text would keep much of it in memory
	for _, text := range all.values("fingerprint") {
		if f, ok := parseFingerprint(text); ok && len(o.Fingerprints) < maxFingerprints {
			o.Fingerprints = append(o.Fingerprints, f)
		}
	}
	if len(o.Fingerprints) == 0 {
		return &Refusal{"the offer has no fingerprint of a certificate: must have one by sha-256, sha-384 or sha-512"}
	}
	return nil
}

// transport is the attributes of ICE and DTLS, from where they are looked for first to where they are looked for last.
type transport [][]sdp.Attribute

// transportOf finds the attributes that hold for the video: those of the first section of its bundle (RFC 9143, section 7.1.3), of
// its own, and of the session.
func (o *Offer) transportOf(s *sdp.SessionDescription) (all transport) {
	if len(o.bundle) > 0 && o.bundle[0] != o.video {
		all = append(all, s.MediaDescriptions[o.bundle[0]].Attributes)
	}
	return append(all, s.MediaDescriptions[o.video].Attributes, s.Attributes)
}

// values are those of an attribute, at the first level that has it.
func (t transport) values(key string) (values []string) {
	for _, attributes := range t {
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
