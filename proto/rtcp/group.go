package rtcp

import (
	"encoding/binary"
	"time"
)

// Receivers of a broadcast do not get each other's reports. To keep to the interval of RFC
// 3550 they need to know how many they are. The sender says so in a Receiver Summary
// Information packet (RFC 5760, section 7.1.1) with a Group and Average Packet Size block.
const (
	summaryHeaderBytes = 20
	blockGroupSize     = 12
	groupSizeBytes     = 8
)

// MaxMembers is the highest number of receivers that Parse reports, whatever a sender says.
// It fits an int of 32 bits, and so does its sum with the senders.
const MaxMembers = 1 << 30

// AppendGroupSize appends to a compound packet that begins with a sender report how many
// receivers there are, and how long their reports are on average.
func AppendGroupSize(dst []byte, ssrc uint32, wall time.Time, receivers, averageBytes int) []byte {
	dst = append(dst, version2, typeRSI, 0, 6)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = binary.BigEndian.AppendUint32(dst, ssrc) // of whose receivers it is
	dst = binary.BigEndian.AppendUint64(dst, NTP(wall))
	dst = append(dst, blockGroupSize, groupSizeBytes/4)
	dst = binary.BigEndian.AppendUint16(dst, uint16(averageBytes))
	return binary.BigEndian.AppendUint32(dst, uint32(receivers))
}

// group looks for the size of the group in a summary, which may have other blocks.
func (v Visitor) group(p []byte) {
	ssrc := binary.BigEndian.Uint32(p[8:])
	for rest := p[summaryHeaderBytes:]; len(rest) >= groupSizeBytes; {
		size := 4 * int(rest[1])
		if size == 0 || size > len(rest) {
			return
		}
		if rest[0] == blockGroupSize && size == groupSizeBytes {
			v.Group(ssrc, int(min(binary.BigEndian.Uint32(rest[4:]), MaxMembers)))
		}
		rest = rest[size:]
	}
}

// senderReport reads a sender report, whose length was checked.
func senderReport(p []byte) (SenderReport, uint64) {
	ntp := binary.BigEndian.Uint64(p[8:])
	return SenderReport{
		SSRC: binary.BigEndian.Uint32(p[4:]), Wall: fromNTP(ntp), RTPTime: binary.BigEndian.Uint32(p[16:]),
		Packets: binary.BigEndian.Uint32(p[20:]), Octets: binary.BigEndian.Uint32(p[24:]),
	}, ntp
}
