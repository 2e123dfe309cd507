package mp4

import "encoding/binary"

// The sizes of a fragment's boxes, and where its times are. All fragments have one sample, so they are constant.
const (
	movieHeaderBytes = 16 // mfhd
	trackHeaderBytes = 16 // tfhd
	decodeTimeBytes  = 20 // tfdt
	runBytes         = 36 // trun
	trackBytes       = 8 + trackHeaderBytes + decodeTimeBytes + runBytes
	movieBytes       = 8 + movieHeaderBytes + trackBytes

	decodeTimeAt = 8 + movieHeaderBytes + 8 + trackHeaderBytes + 12
	durationAt   = movieBytes - 16
	delayAt      = movieBytes - 4

	// HeadBytes is how many bytes of a fragment are before its frame: moof, and the header of mdat.
	HeadBytes = movieBytes + 8
)

// Flags of a sample: what it depends on, and what on it (ISO/IEC 14496-12, section 8.8.3.1).
const (
	flagsKey        = 2 << 24
	flagsDependent  = 1<<24 | 1<<16
	flagsDisposable = 2 << 22
)

// Fragment says what a fragment is besides its frame.
type Fragment struct {
	// Sequence counts the fragments.
	Sequence uint32
	// Decode is when the frame is to be decoded, and Duration how long until the next one, in ticks. Delay is how
	// much later it is shown.
	Decode          uint64
	Duration, Delay uint32
	// Key and Disposable are as in media.Frame.
	Key, Disposable bool
	// Sets are the parameter sets that go before the frame, without length.
	Sets [][]byte
}

// Append appends the fragment of a frame, which is NAL units with four-byte lengths, to dst. It allocates nothing if dst has
// room.
func (f *Fragment) Append(dst, frame []byte) []byte {
	size := len(frame)
	for _, s := range f.Sets {
		size += 4 + len(s)
	}
	flags := uint32(flagsDependent)
	if f.Key {
		flags = flagsKey
	}
	if f.Disposable {
		flags |= flagsDisposable
	}
	dst = appendBox(dst, movieBytes, "moof")
	dst = append32(appendBox(dst, movieHeaderBytes, "mfhd"), 0, f.Sequence)
	dst = appendBox(dst, trackBytes, "traf")
	const baseIsMoof = 0x020000
	dst = append32(appendBox(dst, trackHeaderBytes, "tfhd"), baseIsMoof, track)
	const version1 = 1 << 24 // the time has 64 bits, and delays have a sign
	dst = append32(appendBox(dst, decodeTimeBytes, "tfdt"), version1)
	dst = binary.BigEndian.AppendUint64(dst, f.Decode)
	const hasOffset, hasDuration, hasSize, hasFlags, hasDelay = 0x1, 0x100, 0x200, 0x400, 0x800
	const samples = 1
	dst = append32(appendBox(dst, runBytes, "trun"), version1|hasOffset|hasDuration|hasSize|hasFlags|hasDelay,
		samples, HeadBytes, f.Duration, uint32(size), flags, f.Delay)
	dst = appendBox(dst, 8+size, "mdat")
	for _, s := range f.Sets {
		dst = append(append32(dst, uint32(len(s))), s...)
	}
	return append(dst, frame...)
}

// appendBox appends the header of a box.
func appendBox(dst []byte, size int, name string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(size)), name...)
}

func append32(dst []byte, values ...uint32) []byte {
	for _, v := range values {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

// Retime changes the times of the fragment that begins with head: when its frame is to be decoded, when the next one is,
// and when it is shown. becomes must not change the order.
func Retime(head []byte, becomes func(ticks uint64) uint64) {
	at := func(i int) []byte { return head[i : i+4] }
	decode := binary.BigEndian.Uint64(head[decodeTimeAt:])
	end := decode + uint64(binary.BigEndian.Uint32(at(durationAt)))
	shown := decode + uint64(binary.BigEndian.Uint32(at(delayAt)))
	begin := becomes(decode)
	binary.BigEndian.PutUint64(head[decodeTimeAt:], begin)
	binary.BigEndian.PutUint32(at(durationAt), uint32(becomes(end)-begin))
	binary.BigEndian.PutUint32(at(delayAt), uint32(becomes(shown)-begin))
}
