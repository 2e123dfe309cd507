package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/pion/rtp"
)

const (
	// PayloadTypeJPEG is RFC 3551's static payload type.
	PayloadTypeJPEG = 26
	// MaxJPEGDimension is the largest width and height that RTP/JPEG can carry.
	MaxJPEGDimension = jpeg.MaxDimension

	// The headers of RFC 2435, sections 3.1, 3.1.7 and 3.1.8, the last one with two
	// tables of 64 bytes.
	jpegMainHeaderBytes    = 8
	jpegRestartHeaderBytes = 4
	jpegTableHeaderBytes   = 4 + 128

	// qInBand says that the tables are in the frame's first packet and may differ from
	// frame to frame (section 4.2).
	qInBand = 255
	// typeRestart marks types with restart markers (section 3.1.3).
	typeRestart = 64
)

// JPEGConfig is how a JPEGPacketizer is to cut frames.
type JPEGConfig struct {
	SSRC uint32
	// FirstSequence is the first packet's sequence number, which should be random.
	FirstSequence uint16
	// PacketSize is the size of a packet in bytes, RTP header included, such as the
	// MTU less 48 for IPv6 and UDP; RunPackets is how many make a run.
	PacketSize, RunPackets int
}

// JPEGPacketizer lays JPEG pictures out as RTP packets (RFC 2435). Both quantisation
// tables are in the first packet of every frame, so that a viewer can join at any.
type JPEGPacketizer struct {
	layout   Layout
	ssrc     uint32
	sequence uint16
}

// NewJPEGPacketizer makes a packetizer, or says what is wrong with the sizes.
func NewJPEGPacketizer(c JPEGConfig) (*JPEGPacketizer, error) {
	layout, err := NewLayout(c.PacketSize, c.RunPackets)
	if err != nil {
		return nil, err
	}
	return &JPEGPacketizer{layout: layout, ssrc: c.SSRC, sequence: c.FirstSequence}, nil
}

// Layout is how frames are cut: RunPackets may be less than was asked for.
func (p *JPEGPacketizer) Layout() Layout { return p.layout }

// NextSequence is the sequence number of the next frame's first packet.
func (p *JPEGPacketizer) NextSequence() uint16 { return p.sequence }

// Packetize lays the picture out in dst, from its beginning, growing it if its capacity
// does not suffice: give it the last frame's Bytes and nothing is allocated. It does
// not refer to the picture afterwards. It fails only if the picture is none that Parse
// can have returned.
func (p *JPEGPacketizer) Packetize(dst []byte, picture *jpeg.Image, timestamp uint32) (Packets, error) {
	if len(picture.Scan) == 0 || picture.Width > MaxJPEGDimension || picture.Height > MaxJPEGDimension {
		return Packets{}, fmt.Errorf("rtp: a picture of %dx%d with a scan of %d bytes", picture.Width, picture.Height, len(picture.Scan))
	}
	if picture.Red != nil {
		return Packets{}, errors.New("rtp: a picture with three quantisation tables")
	}
	w := jpegWriter{packetizer: p, picture: picture, timestamp: timestamp}
	w.layout = p.layout.forPayload(jpegTableHeaderBytes+len(picture.Scan), w.overhead(1))
	w.buffer = slices.Grow(dst[:0], w.size())
	packets := Packets{Layout: w.layout, FirstSequence: p.sequence, Timestamp: timestamp}
	for w.offset < len(picture.Scan) {
		if err := w.packet(packets.Count); err != nil {
			return Packets{}, err
		}
		packets.Count++
	}
	packets.Bytes = w.buffer
	return packets, nil
}

// jpegWriter writes the packets of one picture.
type jpegWriter struct {
	packetizer *JPEGPacketizer
	picture    *jpeg.Image
	timestamp  uint32
	layout     Layout
	buffer     []byte
	offset     int // in the scan
}

// overhead is what stands before the scan's bytes in packet i.
func (w *jpegWriter) overhead(i int) int {
	n := HeaderBytes + jpegMainHeaderBytes
	if w.picture.RestartInterval > 0 {
		n += jpegRestartHeaderBytes
	}
	if i == 0 {
		n += jpegTableHeaderBytes
	}
	return n
}

// size is how much room all packets take, or a little more.
func (w *jpegWriter) size() int {
	each := w.layout.PacketSize - 1 - w.overhead(1)
	count := (len(w.picture.Scan)+jpegTableHeaderBytes)/each + 2
	return len(w.picture.Scan) + jpegTableHeaderBytes + count*w.overhead(1)
}

// packet writes packet i.
func (w *jpegWriter) packet(i int) error {
	rest := len(w.picture.Scan) - w.offset
	take := min(w.layout.room(i)-w.overhead(i), rest)
	if err := w.header(take == rest); err != nil {
		return err
	}
	w.jpegHeaders(i)
	w.buffer = append(w.buffer, w.picture.Scan[w.offset:w.offset+take]...)
	w.offset += take
	return nil
}

// header writes the RTP header.
func (w *jpegWriter) header(last bool) error {
	p := w.packetizer
	h := rtp.Header{
		Version: 2, Marker: last, PayloadType: PayloadTypeJPEG,
		SequenceNumber: p.sequence, Timestamp: w.timestamp, SSRC: p.ssrc,
	}
	p.sequence++
	at := len(w.buffer)
	w.buffer = slices.Grow(w.buffer, HeaderBytes)[:at+HeaderBytes]
	_, err := h.MarshalTo(w.buffer[at:])
	return err
}

// jpegHeaders writes the headers of RFC 2435, section 3.1.
func (w *jpegWriter) jpegHeaders(i int) {
	picture := w.picture
	kind := picture.Type
	if picture.RestartInterval > 0 {
		kind += typeRestart
	}
	w.buffer = append(w.buffer, 0, byte(w.offset>>16), byte(w.offset>>8), byte(w.offset),
		kind, qInBand, byte((picture.Width+7)/8), byte((picture.Height+7)/8))
	if picture.RestartInterval > 0 {
		// F and L set, count 3FFF: packets are not cut at restart markers, so the
		// receiver needs the whole frame (section 3.1.7).
		w.buffer = binary.BigEndian.AppendUint16(w.buffer, picture.RestartInterval)
		w.buffer = append(w.buffer, 0xff, 0xff)
	}
	if i == 0 {
		w.buffer = append(w.buffer, 0, 0, 0, 128)
		w.buffer = append(w.buffer, picture.Luma[:]...)
		w.buffer = append(w.buffer, picture.Chroma[:]...)
	}
}
