package webrtc

import "encoding/binary"

// This file drops the DTLS that anybody can write in a viewer's name: records in clear text that would end its handshake, or the
// connection after it.

const (
	// recordHeaderBytes is the size of a record's header (RFC 6347, section 4.1): type, version, epoch, sequence number, length.
	recordHeaderBytes = 13
	epochAt, lengthAt = 3, 11
	// The types of the records that a client sends in clear text, which is epoch 0, to be served.
	changeCipherSpec, handshakeRecord = 20, 22
)

// mayHelp reports whether a datagram is whole records of DTLS 1.2, and those in clear text are ones by which a handshake goes on.
// An alert in clear text may be a browser's own that gives up early, but nobody can tell: its session ends by its timeout. For
// application data in clear text, or a ChangeCipherSpec that is none, the server would send the viewer a fatal alert. Encrypted
// records prove themselves. (Headers of DTLS 1.3 do not come, as the server agrees to 1.2 alone.)
func mayHelp(datagram []byte) bool {
	for len(datagram) > 0 {
		if len(datagram) <= recordHeaderBytes { // no record is empty
			return false
		}
		size := recordHeaderBytes + int(binary.BigEndian.Uint16(datagram[lengthAt:]))
		if size > len(datagram) {
			return false
		}
		if binary.BigEndian.Uint16(datagram[epochAt:]) == 0 && !isOfHandshake(datagram[:size]) {
			return false
		}
		datagram = datagram[size:]
	}
	return true
}

// isOfHandshake reports whether a record in clear text is of a handshake: a part of its messages, or the one byte of a
// ChangeCipherSpec.
func isOfHandshake(record []byte) bool {
	body := record[recordHeaderBytes:]
	switch record[0] {
	case handshakeRecord:
		return len(body) > 0
	case changeCipherSpec:
		return len(body) == 1 && body[0] == 1
	}
	return false
}
