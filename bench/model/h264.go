package model

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

const (
	// H264PacketBytes is the size of the RTP packets of H.264. A frame has H264FramePackets, but one of
	// H264GroupFrames, the IDR picture, has H264KeyPackets: one of them has the parameter sets.
	H264PacketBytes  = 1200
	H264FramePackets = 7
	H264KeyPackets   = 40
	H264GroupFrames  = 60
	// H264PayloadType is RTP's.
	H264PayloadType = 96
	// fragmentHeaderBytes are RTP's and those of FU-A in each packet (RFC 6184, 5.8).
	fragmentHeaderBytes = rtp.HeaderBytes + 2
)

// H264Size is how large the frames of an H264Framer are.
type H264Size struct {
	// PacketBytes is the size of the packets as they are sent. A frame has FramePackets, but one of
	// H264GroupFrames has KeyPackets.
	PacketBytes, FramePackets, KeyPackets int
	// Of each packet SealBytes are left to an SRTP tag, and ExtensionBytes to a header extension. The
	// framer's own packets have neither, and so are shorter by a tag.
	SealBytes, ExtensionBytes int
}

// String is for names of benchmarks and rows of reports.
func (s H264Size) String() string { return fmt.Sprintf("%dx%d", s.FramePackets, s.PacketBytes) }

// The sizes that are measured: of plain RTP, and of what is sealed for each reader.
var (
	H264Frames        = H264Size{PacketBytes: H264PacketBytes, FramePackets: H264FramePackets, KeyPackets: H264KeyPackets}
	WebRTCFrames      = H264Size{PacketBytes: 1200, FramePackets: 7, KeyPackets: 40, SealBytes: 16, ExtensionBytes: 8}
	WebRTCLargeFrames = H264Size{PacketBytes: 1400, FramePackets: 30, KeyPackets: 60, SealBytes: 16, ExtensionBytes: 8}
)

// mostRunBytes is less than a UDP message can have.
const mostRunBytes = 65_000

// H264Params are the parameters of the benchmark's frames of H.264. A viewer finds a picture of its
// own in the parameter sets: only the sizes of the frames are of a camera.
var H264Params = &media.Params{Format: media.H264, Width: 1280, Height: 720, FramesPerSecond: 30, ParameterSets: [][]byte{
	{0x67, 0x42, 0xc0, 0x0a, 0xd9, 0x06, 0x26, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xc8, 0x3c, 0x48, 0x99, 0x20},
	{0x68, 0xcb, 0x80, 0xe4, 0xb2},
}}

// Each frame is one slice. It begins with its header, as far as receivers need it: the first
// macroblock, of an I or a P slice, and the first parameter sets. A stamp as that of a JPEG follows,
// and then bytes that are never 0, as decoders forbid some runs of these.
var keySlice, otherSlice = []byte{0x65, 0x88, 0xff}, []byte{0x41, 0x9a, 0xff}

// H264Framer makes frames of H.264. It belongs to one goroutine.
type H264Framer struct {
	packetizer *rtp.NALPacketizer
	clock      rtp.Clock
	number     uint64
	frames     []Frame // in turns, with memory for each
	key, other []byte  // the slices
	binary     [stampBytes / 2]byte
}

// NewH264Framer makes a framer, whose first frame is an IDR picture.
func NewH264Framer(size H264Size) (*H264Framer, error) {
	f := &H264Framer{frames: framesInTurns(size.KeyPackets*size.PacketBytes + fileBytes)}
	fills := size.PacketBytes - size.SealBytes - size.ExtensionBytes - fragmentHeaderBytes
	f.key, f.other = slice(keySlice, size.KeyPackets-1, fills), slice(otherSlice, size.FramePackets, fills)
	var err error
	f.packetizer, err = rtp.NewNALPacketizer(rtp.NALConfig{
		Format: media.H264, PayloadType: H264PayloadType, SSRC: 1, PacketSize: size.PacketBytes - size.SealBytes,
		RunPackets: min(64, mostRunBytes/size.PacketBytes),
	})
	return f, err
}

// slice makes one that fills so many bytes of so many packets, but for a byte of the last one.
func slice(header []byte, packets, fills int) []byte {
	unit := make([]byte, packets*fills)
	random := rand.New(rand.NewPCG(1, uint64(packets)))
	for i := range unit {
		unit[i] = byte(1 + random.IntN(255))
	}
	copy(unit, header)
	return unit
}

// Next makes the next frame, stamped with the present time.
func (f *H264Framer) Next() (*Frame, error) {
	frame := &f.frames[(f.number+1)%uint64(len(f.frames))]
	unit, key := f.other, f.number%H264GroupFrames == 0
	if key {
		unit = f.key
	}
	f.number++
	frame.Number = f.number
	now := Now()
	stamp(unit[len(keySlice):], f.binary[:0], f.number, now)
	frame.framed = nal.Append(frame.framed[:0], unit)
	frame.Coded = media.Frame{Params: H264Params, Bytes: frame.framed, Captured: now, Key: key}
	var err error
	frame.Packets, err = f.packetizer.Packetize(frame.Packets.Bytes, &frame.Coded, f.clock.At(now))
	return frame, err
}

// CheckH264 looks whether a frame, units with their lengths before them, is one that an H264Framer
// has made, every byte of it, and returns its number and when it was made.
func CheckH264(frame []byte) (number uint64, made time.Duration, err error) {
	unit, rest, err := nal.Next(frame)
	if err != nil {
		return 0, 0, err
	}
	if len(rest) > 0 || !bytes.HasPrefix(unit, keySlice) && !bytes.HasPrefix(unit, otherSlice) {
		return 0, 0, errDamaged
	}
	return readStamp(unit[len(keySlice):])
}
