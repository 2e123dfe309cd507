package m2m

import "golang.org/x/sys/unix"

// Structures and numbers of videodev2.h. Their sizes are a part of the ioctls' numbers, and differ between
// machines of 32 and 64 bits as those of pointers and times do.

// Types of queues: V4L2_BUF_TYPE_VIDEO_*_MPLANE.
const (
	captureQueue = 9  // coded frames
	outputQueue  = 10 // raw pictures
)

// Capabilities, flags of buffers, and values of fields.
const (
	capMultiPlanar = 0x4000 // V4L2_CAP_VIDEO_M2M_MPLANE
	flagError      = 0x40
	flagLast       = 0x100000
	memoryMapped   = 1
	fieldNone      = 1
	colourJPEG     = 7 // V4L2_COLORSPACE_JPEG
	matrix601      = 1
	rangeFull      = 1
	stopCommand    = 1
	cropTarget     = 0
)

// Controls, V4L2_CID_MPEG_VIDEO_*, and values of theirs.
const (
	controlBFrames      = 0x009909ca
	controlGroup        = 0x009909cb // GOP_SIZE
	controlBitrate      = 0x009909cf
	controlHeaderMode   = 0x009909d8
	controlRepeatSets   = 0x009909e2 // REPEAT_SEQ_HEADER
	controlForceKey     = 0x009909e5
	controlH264Interval = 0x00990a66 // H264_I_PERIOD
	controlH264Profile  = 0x00990a6b

	headerJoined       = 1 // parameter sets come with the key frame
	profileConstrained = 1 // constrained baseline
)

// Requests.
var (
	queryCapability = request[capability](readOnly, 0)
	enumFormat      = request[formatDescription](readWrite, 2)
	setFormat       = request[format](readWrite, 5)
	requestBuffers  = request[buffersRequest](readWrite, 8)
	queryBuffer     = request[buffer](readWrite, 9)
	queueBuffer     = request[buffer](readWrite, 15)
	dequeueBuffer   = request[buffer](readWrite, 17)
	streamOn        = request[uint32](writeOnly, 18)
	streamOff       = request[uint32](writeOnly, 19)
	setParameters   = request[streamParameters](readWrite, 22)
	setControl      = request[control](readWrite, 28)
	encoderCommand  = request[command](readWrite, 77)
	setSelection    = request[selection](readWrite, 95)
)

// capability is struct v4l2_capability.
type capability struct {
	_        [16]byte // the driver
	card     [32]byte
	_        [32]byte // the bus
	_, _     uint32   // the version; what all nodes of the device are capable of
	ofDevice uint32
	_        [3]uint32
}

// formatDescription is struct v4l2_fmtdesc.
type formatDescription struct {
	index, queue, flags uint32
	_                   [32]byte
	code                uint32
	_                   [4]uint32
}

// format is struct v4l2_format with a v4l2_pix_format_mplane.
type format struct {
	queue                               uint32
	_                                   [0]uintptr // others in the union have pointers
	width, height, code, field, colours uint32
	planes                              [8]planeFormat
	planeCount, flags                   uint8
	matrix, levels, transfer            uint8
	_                                   [7]uint8
	_                                   [2]uint32 // the union has 200 bytes
}

// planeFormat is struct v4l2_plane_pix_format.
type planeFormat struct {
	size, stride uint32
	_            [6]uint16
}

// buffersRequest is struct v4l2_requestbuffers.
type buffersRequest struct {
	count, queue, memory, _, _ uint32
}

// buffer is struct v4l2_buffer.
type buffer struct {
	index, queue, used, flags, field uint32
	stamp                            unix.Timeval
	_                                [16]byte // a time code
	sequence, memory                 uint32
	planes                           *plane
	length                           uint32 // how many planes there are
	_                                uint32
	_                                int32
}

// plane is struct v4l2_plane.
type plane struct {
	used, length uint32
	memory       uintptr // of a union: its first four bytes are the offset for mmap
	offset       uint32  // of the data
	_            [11]uint32
}

// streamParameters is struct v4l2_streamparm with a v4l2_outputparm.
type streamParameters struct {
	queue, _, _            uint32
	numerator, denominator uint32
	_                      [46]uint32
}

// control is struct v4l2_control.
type control struct {
	id    uint32
	value int32
}

// command is struct v4l2_encoder_cmd.
type command struct {
	command, _ uint32
	_          [8]uint32
}

// selection is struct v4l2_selection.
type selection struct {
	queue, target, _ uint32
	_, _             int32 // left, top
	width, height    uint32
	_                [9]uint32
}

// fourCC is the number of a format.
func fourCC(name string) uint32 {
	return uint32(name[0]) | uint32(name[1])<<8 | uint32(name[2])<<16 | uint32(name[3])<<24
}
