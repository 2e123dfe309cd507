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
	Key  Key
	SSRC uint32
	// Rollover is the counter that the first packet comes with: its index without the lower 16 bits.
	Rollover uint32
}

// Peer is what a receiver has said of what it seals.
type Peer struct {
	Key Key
	// MKI is the name of the key, which stands in each of its packets; as a rule there is none.
	MKI []byte
}

const (
	aesCM       = 1
	hmacSHA1    = 1
	randomBytes = 16
	// maxMessageBytes is the longest message that is read: those of clients have some hundred.
	maxMessageBytes = 1024
	// maxMKIBytes is the longest name of a key.
	maxMKIBytes = 32
	// gstreamerAuthKey is what GStreamer says is the length of the authentication key, and means the
	// tag's.
	gstreamerAuthKey = TagBytes
)

// MIKEY is the offer as a message of RFC 3830 without encryption, as RTSP has it over TLS (RFC 4567).
// now must be the time of day: some receivers refuse a message whose time differs from theirs by an hour.
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

// ParseMIKEY reads a receiver's message. The error says what is wrong with it, or which algorithm it asks
// for that there is not; it has nothing of the key.
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
					return Peer{}, fmt.Errorf("mikey: a key and salt of %d bytes and a name of %d: must be %d, and at most %d",
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

// accepted are the values of a policy that there are. What is not listed does not matter for RTCP, or is of
// no consequence at its only other value.
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
