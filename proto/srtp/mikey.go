package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/mikey"
	"github.com/camcast/camcast/proto/rtcp"
)

// Offer is what a receiver must know to open a Sealer's packets.
type Offer struct {
	// Key and SSRC are the Sealer's.
	Key  Key
	SSRC uint32
	// Rollover is the rollover counter of the first packet: its index without the lower 16 bits.
	Rollover uint32
}

// Peer is what a server must know to open the RTCP of a receiver.
type Peer struct {
	// Key is what the receiver seals with.
	Key Key
	// MKI is the master key identifier in each of its packets, of up to 32 bytes; most receivers have none.
	MKI []byte
}

const (
	aesCM       = 1
	hmacSHA1    = 1
	randomBytes = 16
	// maxMessageBytes is the size of the longest message that is read: those of clients have some hundred bytes.
	maxMessageBytes = 1024
	// maxMKIBytes is the size of the longest master key identifier.
	maxMKIBytes = 32
	// gstreamerAuthKey is what GStreamer sends as the size of the authentication key: it is that of the tag.
	gstreamerAuthKey = TagBytes
)

// MIKEY returns the offer as a message of RFC 3830 that is not encrypted, as RTSP sends it over TLS (RFC 4567).
// now must be the time of day: some receivers refuse a message whose time differs from theirs by an hour. random fills a
// buffer with random bytes. The error says that the message cannot be written.
func (o Offer) MIKEY(now time.Time, random func([]byte)) ([]byte, error) {
	fresh := make([]byte, 4+randomBytes)
	random(fresh)
	param := func(kind mikey.PayloadSPPolicyParamType, value byte) mikey.PayloadSPPolicyParam {
		return mikey.PayloadSPPolicyParam{Type: kind, Value: []byte{value}}
	}
	return mikey.Message{
		Header: mikey.Header{
			Version: 1, CSBID: binary.BigEndian.Uint32(fresh),
			CSIDMapInfo: []mikey.SRTPIDEntry{{SSRC: o.SSRC, ROC: o.Rollover}},
		},
		Payloads: []mikey.Payload{
			&mikey.PayloadT{TSValue: rtcp.NTP(now)},
			&mikey.PayloadRAND{Data: fresh[4:]},
			&mikey.PayloadSP{PolicyParams: []mikey.PayloadSPPolicyParam{
				param(mikey.PayloadSPPolicyParamTypeEncrAlg, aesCM),
				param(mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen, masterKeyBytes),
				param(mikey.PayloadSPPolicyParamTypeAuthAlg, hmacSHA1),
				param(mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen, authKeyBytes),
				param(mikey.PayloadSPPolicyParamTypeSRTPEncrOffOn, 1),
				param(mikey.PayloadSPPolicyParamTypeSRTCPEncrOffOn, 1),
				param(mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn, 1),
				param(mikey.PayloadSPPolicyParamTypeAuthTagLen, TagBytes),
			}},
			&mikey.PayloadKEMAC{SubPayloads: []*mikey.SubPayloadKeyData{{
				Type: mikey.SubPayloadKeyDataTypeTEK, KeyData: bytes.Clone(o.Key[:]),
			}}},
		},
	}.Marshal()
}

// ParseMIKEY reads a receiver's message, which is not kept. The error says what is wrong with it, or which algorithm it asks
// for that is not supported; it does not contain the key.
func ParseMIKEY(message []byte) (Peer, error) {
	if len(message) > maxMessageBytes {
		return Peer{}, fmt.Errorf("mikey: a message of %d bytes: must be at most %d", len(message), maxMessageBytes)
	}
	var m mikey.Message
	if err := m.Unmarshal(message); err != nil {
		return Peer{}, fmt.Errorf("mikey: %w", err)
	}
	var p Peer
	keys := 0
	for _, payload := range m.Payloads {
		switch payload := payload.(type) {
		case *mikey.PayloadSP:
			if err := checkPolicy(payload); err != nil {
				return Peer{}, err
			}
		case *mikey.PayloadKEMAC:
			for _, k := range payload.SubPayloads {
				if len(k.KeyData) != KeyBytes || len(k.SPI) > maxMKIBytes {
					return Peer{}, fmt.Errorf("mikey: a key and salt of %d bytes and a key identifier of %d: must be %d, and at most %d",
						len(k.KeyData), len(k.SPI), KeyBytes, maxMKIBytes)
				}
				p.Key, p.MKI = Key(k.KeyData), bytes.Clone(k.SPI)
				keys++
			}
		}
	}
	if keys != 1 {
		return Peer{}, errors.New("mikey: there must be one key")
	}
	return p, nil
}

// accepted are the supported values of a policy's parameters. Parameters that are not listed do not matter for RTCP.
var accepted = map[mikey.PayloadSPPolicyParamType][]byte{
	mikey.PayloadSPPolicyParamTypeEncrAlg:           {aesCM},
	mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen: {masterKeyBytes},
	mikey.PayloadSPPolicyParamTypeAuthAlg:           {hmacSHA1},
	mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen: {authKeyBytes, gstreamerAuthKey},
	mikey.PayloadSPPolicyParamTypeSessionSaltKeyLen: {saltBytes},
	mikey.PayloadSPPolicyParamTypeSRTPPseudoRandFun: {0},
	mikey.PayloadSPPolicyParamTypeKeyDerRate:        {0},
	mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn:     {1},
	mikey.PayloadSPPolicyParamTypeAuthTagLen:        {TagBytes},
}

func checkPolicy(sp *mikey.PayloadSP) error {
	for _, p := range sp.PolicyParams {
		if allowed, ok := accepted[p.Type]; ok && (len(p.Value) != 1 || !bytes.Contains(allowed, p.Value)) {
			return fmt.Errorf("mikey: policy parameter %d is %v: must be one of %v", p.Type, p.Value, allowed)
		}
	}
	return nil
}
