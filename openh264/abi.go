package openh264

// The encoder's structures of codec_app_def.h as OpenH264 2.3 to 2.5 have them. Each has room behind it
// for what later releases may add. Fields that are not set are named _.

// encoderTable points to ISVCEncoderVtbl.
type encoderTable struct{ functions *[9]uintptr }

// Indices of functions in ISVCEncoderVtbl.
const (
	encoderInitialize   = 1 // InitializeExt
	encoderDefaults     = 2 // GetDefaultParams
	encoderUninitialize = 3
	encoderEncode       = 4 // EncodeFrame
	encoderForceKey     = 6 // ForceIntraFrame
	encoderSetOption    = 7
)

// Values of ENCODER_OPTION.
const (
	encoderOptionBitrate    = 5
	encoderOptionTraceLevel = 25
)

// encoderParameters is SEncParamExt.
type encoderParameters struct {
	usage               int32
	width, height       int32
	bitrate             int32
	rateControl         int32
	rate                float32
	temporal, spatial   int32 // how many layers
	layers              [4]layerParameters
	complexity          int32
	keyInterval         uint32 // in frames; 0: only the first and those that are asked for
	_                   int32  // iNumRefFrame
	parameterSets       int32  // how their numbers change
	_, _, _             bool   // bPrefixNalAddingCtrl, bEnableSSEI, bSimulcastAVC
	_                   int32  // iPaddingFlag
	entropy             int32
	skipsFrames         bool
	maxBitrate          int32
	_, _                int32  // iMaxQp, iMinQp
	_                   uint32 // uiMaxNalSize
	_                   bool   // bEnableLongTermReference
	_                   int32  // iLTRRefNum
	_                   uint32 // iLtrMarkPeriod
	threads             uint16
	_                   bool  // bUseLoadBalancing
	_, _, _             int32 // of the loop filter
	denoises            bool
	_, _, _             bool // background detection, adaptive quantisation, cropping
	detectsSceneChanges bool
	_, _                bool  // bIsLosslessLink, bFixRCOverShoot
	_                   int32 // iIdrBitrateRatio
	_                   [256]byte
}

// layerParameters is SSpatialLayerConfig.
type layerParameters struct {
	width, height int32
	rate          float32
	bitrate       int32
	maxBitrate    int32
	profile       int32
	_             int32     // uiLevelIdc: 0, the library chooses
	_             int32     // iDLayerQp
	sliceMode     int32     // sSliceArgument
	_             [37]int32 // the rest of it
	hasSignal     bool      // of the video signal there is:
	videoFormat   uint8
	fullRange     bool
	hasColours    bool // of the colours there are:
	primaries     uint8
	transfer      uint8
	matrix        uint8
	_             bool // bAspectRatioPresent
	_             int32
	_, _          uint16
}

const (
	usageCamera          = 0
	rateControlBitrate   = 1
	complexityLow        = 0
	parameterSetsKept    = 0 // the same numbers in each key frame
	profileBaseline      = 66
	sliceModeOne         = 0
	videoFormatUnknown   = 5
	primariesBT709       = 1 // sRGB has the same
	transferBT709        = 1
	matrixBT601          = 6 // SMPTE 170M, as JFIF has it
	layersAll            = 4
	maxLayers            = 128
	encoderPictureFormat = formatI420
)

// sourcePicture is SSourcePicture.
type sourcePicture struct {
	format        int32
	strides       [4]int32
	planes        [4]*byte
	width, height int32
	_             [beforeLong]byte
	milliseconds  int64
	_             [64]byte
}

// frameInfo is SFrameBSInfo.
type frameInfo struct {
	layers     int32
	layer      [maxLayers]layerInfo
	kind, size int32
	_          int64 // uiTimeStamp
	_          [4096]byte
}

// layerInfo is SLayerBSInfo. The memory that it points to is the library's.
type layerInfo struct {
	_, _, _ uint8
	_       int32
	_       uint8
	_       int32
	units   int32  // how many NAL units there are
	lengths *int32 // of each, with its start code
	bytes   *byte
}

// bitrateInfo is SBitrateInfo.
type bitrateInfo struct {
	layer, bitrate int32
	_              [64]byte
}
