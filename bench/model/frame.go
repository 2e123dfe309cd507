package model

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// KeptFrames is how many further frames are made before the memory of one is used again.
const KeptFrames = 64

// Frame is a picture to broadcast. It stays as it is while KeptFrames more are made.
type Frame struct {
	// Number counts the frames from 1.
	Number uint64
	// Picture is a JPEG, nil if the frame is H.264, and Coded is H.264. Packets is the same as RTP.
	Picture []byte
	Coded   media.Frame
	Packets rtp.Packets
	// framed is the picture, or the units, behind the length, as it is sent over TCP.
	framed []byte
}

const (
	// PacketBytes is the size of the RTP packets, and FrameBytes that of a frame: 30
	// packets. SeedFrameBytes is a frame of 160x120 pixels of three bytes each.
	PacketBytes    = 1400
	FrameBytes     = 30 * PacketBytes
	SeedFrameBytes = 160 * 120 * 3
	// MTU is what makes camcast's packets PacketBytes long.
	MTU = PacketBytes + 48
	// headerBytes are RTP's and RTP/JPEG's in each packet, and tableBytes the
	// quantisation tables in the first.
	headerBytes = 20
	tableBytes  = 132
	// lengthBytes are before a picture over TCP, and fileBytes is more than that and what a
	// JPEG has besides its scan.
	lengthBytes = 4
	fileBytes   = 1024
)

// The picture's scan begins with this, in hexadecimal digits, so that no byte is 0xff: the
// frame's number, the time on the machine's monotonic clock, the scan's length and its
// checksum. Decoders would show noise.
const (
	numberDigits = 16
	timeDigits   = 16
	lengthDigits = 8
	sumDigits    = 8
	stampBytes   = numberDigits + timeDigits + lengthDigits + sumDigits
)

// Framer makes frames.
type Framer struct {
	image      jpeg.Image
	packetizer *rtp.JPEGPacketizer
	clock      rtp.Clock
	number     uint64
	frames     []Frame              // in turns, with memory for each
	binary     [stampBytes / 2]byte // the stamp before it is digits
}

// NewFramer makes frames whose RTP packets have frameBytes in all, of PacketBytes each
// but for the last one.
func NewFramer(frameBytes int) (*Framer, error) {
	packets := (frameBytes + PacketBytes - 1) / PacketBytes
	f := &Framer{image: jpeg.Image{Width: 1280, Height: 720, Type: jpeg.Type420}, frames: framesInTurns(frameBytes + fileBytes)}
	if f.image.Scan = make([]byte, frameBytes-packets*headerBytes-tableBytes-2); len(f.image.Scan) < stampBytes {
		return nil, fmt.Errorf("a frame of %d bytes is too small", frameBytes)
	}
	for i := range f.image.Luma {
		f.image.Luma[i], f.image.Chroma[i] = 1, 1
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range f.image.Scan {
		f.image.Scan[i] = byte(random.IntN(255)) // never 0xff, which would begin a marker
	}
	var err error
	f.packetizer, err = rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 1, PacketSize: PacketBytes, RunPackets: 64})
	return f, err
}

// framesInTurns makes frames with room for so many bytes in each of their forms, and touches it
// all. Room that is made for each frame and thrown away would be on the model's bill: page
// faults, and a collector that runs at the same frame of each round, which is then the late one
// of every model that throws away little itself.
func framesInTurns(bytes int) []Frame {
	frames := make([]Frame, KeptFrames+1)
	memory := make([]byte, 2*bytes*len(frames))
	clear(memory)
	room := func() []byte {
		r := memory[:0:bytes]
		memory = memory[bytes:]
		return r
	}
	for i := range frames {
		frames[i].framed, frames[i].Packets.Bytes = room(), room()
	}
	return frames
}

// Next makes the next frame, stamped with the present time.
func (f *Framer) Next() (*Frame, error) {
	f.number++
	frame := &f.frames[f.number%uint64(len(f.frames))]
	frame.Number = f.number
	now := Now()
	stamp(f.image.Scan, f.binary[:0], f.number, now)
	frame.framed = jpeg.Append(frame.framed[:lengthBytes], &f.image)
	binary.BigEndian.PutUint32(frame.framed, uint32(len(frame.framed)-lengthBytes))
	frame.Picture = frame.framed[lengthBytes:]
	var err error
	frame.Packets, err = f.packetizer.Packetize(frame.Packets.Bytes, &f.image, f.clock.At(now))
	return frame, err
}

// stamp begins the scan with the frame's number, the time and the checksum. It makes use of room.
func stamp(scan, room []byte, number uint64, now time.Duration) {
	stamp := binary.BigEndian.AppendUint64(room, number)
	stamp = binary.BigEndian.AppendUint64(stamp, uint64(now))
	stamp = binary.BigEndian.AppendUint32(stamp, uint32(len(scan)))
	stamp = binary.BigEndian.AppendUint32(stamp, checksum(stamp, scan))
	hex.Encode(scan, stamp)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(stamp, scan []byte) uint32 {
	return crc32.Update(crc32.Checksum(stamp, castagnoli), castagnoli, scan[stampBytes:])
}

var errDamaged = errors.New("the picture is not as it was sent")

// Check looks whether a picture is one that a Framer has made, every byte of it, and
// returns its number and when it was made.
func Check(picture []byte) (number uint64, made time.Duration, err error) {
	var img jpeg.Image
	if err := img.Parse(picture); err != nil {
		return 0, 0, err
	}
	return readStamp(img.Scan)
}

// readStamp checks what stamp has stamped.
func readStamp(scan []byte) (number uint64, made time.Duration, err error) {
	var stamp [stampBytes / 2]byte
	if len(scan) < stampBytes {
		return 0, 0, errDamaged
	}
	if _, err := hex.Decode(stamp[:], scan[:stampBytes]); err != nil {
		return 0, 0, errDamaged
	}
	length := int(binary.BigEndian.Uint32(stamp[16:]))
	// Packetizers may leave a JPEG's end marker on.
	if length < stampBytes || length > len(scan) || checksum(stamp[:20], scan[:length]) != binary.BigEndian.Uint32(stamp[20:]) {
		return 0, 0, errDamaged
	}
	return binary.BigEndian.Uint64(stamp[:]), time.Duration(binary.BigEndian.Uint64(stamp[8:])), nil
}

// Now is the time on the machine's monotonic clock, which is the same in all processes.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
