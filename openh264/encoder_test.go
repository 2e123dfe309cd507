package openh264

import (
	"errors"
	"image"
	"math"
	"strings"
	"testing"
	"unsafe"
)

// TestLayout compares offsets with those of the library's header, as a C compiler has them on 64 bits.
func TestLayout(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return // the offsets of others are not known here
	}
	var p encoderParameters
	var l layerParameters
	var f frameInfo
	var i layerInfo
	var s sourcePicture
	for _, c := range []struct {
		what      string
		got, want uintptr
	}{
		{"fMaxFrameRate", unsafe.Offsetof(p.rate), 20}, {"sSpatialLayers", unsafe.Offsetof(p.layers), 32},
		{"iComplexityMode", unsafe.Offsetof(p.complexity), 832}, {"uiIntraPeriod", unsafe.Offsetof(p.keyInterval), 836},
		{"eSpsPpsIdStrategy", unsafe.Offsetof(p.parameterSets), 844}, {"iEntropyCodingModeFlag", unsafe.Offsetof(p.entropy), 856},
		{"bEnableFrameSkip", unsafe.Offsetof(p.skipsFrames), 860}, {"iMaxBitrate", unsafe.Offsetof(p.maxBitrate), 864},
		{"iMultipleThreadIdc", unsafe.Offsetof(p.threads), 892}, {"bEnableDenoise", unsafe.Offsetof(p.denoises), 908},
		{"bEnableSceneChangeDetect", unsafe.Offsetof(p.detectsSceneChanges), 912},
		{"SSpatialLayerConfig", unsafe.Sizeof(l), 200}, {"iMaxSpatialBitrate", unsafe.Offsetof(l.maxBitrate), 16},
		{"uiProfileIdc", unsafe.Offsetof(l.profile), 20}, {"sSliceArgument", unsafe.Offsetof(l.sliceMode), 32},
		{"bVideoSignalTypePresent", unsafe.Offsetof(l.hasSignal), 184}, {"bFullRange", unsafe.Offsetof(l.fullRange), 186},
		{"uiColorMatrix", unsafe.Offsetof(l.matrix), 190},
		{"sLayerInfo", unsafe.Offsetof(f.layer), 8}, {"SLayerBSInfo", unsafe.Sizeof(i), 40}, {"eFrameType", unsafe.Offsetof(f.kind), 5128},
		{"iNalCount", unsafe.Offsetof(i.units), 16}, {"pNalLengthInByte", unsafe.Offsetof(i.lengths), 24}, {"pBsBuf", unsafe.Offsetof(i.bytes), 32},
		{"pData", unsafe.Offsetof(s.planes), 24}, {"iPicWidth", unsafe.Offsetof(s.width), 56}, {"uiTimeStamp", unsafe.Offsetof(s.milliseconds), 64},
	} {
		if c.got != c.want {
			t.Errorf("%s is at or of %d bytes, want %d", c.what, c.got, c.want)
		}
	}
}

// TestEncoderOptions refuses what the library would not take, or would crash of.
func TestEncoderOptions(t *testing.T) {
	good := EncoderOptions{Width: 640, Height: 480, FramesPerSecond: 30, Bitrate: 1_000_000}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*EncoderOptions){
		"14x480":      func(o *EncoderOptions) { o.Width = 14 },
		"640x481":     func(o *EncoderOptions) { o.Height = 481 },
		"4098x480":    func(o *EncoderOptions) { o.Width = 4098 },
		"0 frames/s":  func(o *EncoderOptions) { o.FramesPerSecond = 0 },
		"9999 bits/s": func(o *EncoderOptions) { o.Bitrate = 9999 },
		"every -1":    func(o *EncoderOptions) { o.KeyInterval = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := NewEncoder(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one with %q", err, want)
		}
	}
}

// TestPicturesThatDoNotFit refuses pictures of which the library would read what is not there.
func TestPicturesThatDoNotFit(t *testing.T) {
	e := &Encoder{options: EncoderOptions{Width: 64, Height: 32}}
	for name, spoil := range map[string]func(*image.YCbCr){
		"sampling":       func(p *image.YCbCr) { p.SubsampleRatio = image.YCbCrSubsampleRatio422 },
		"width":          func(p *image.YCbCr) { p.Rect.Max.X = 66 },
		"height":         func(p *image.YCbCr) { p.Rect.Max.Y = 30 },
		"short plane":    func(p *image.YCbCr) { p.Y = p.Y[:len(p.Y)-1] },
		"short colour":   func(p *image.YCbCr) { p.Cr = p.Cr[:len(p.Cr)-1] },
		"narrow stride":  func(p *image.YCbCr) { p.CStride = 31 },
		"enormous lines": func(p *image.YCbCr) { p.YStride = math.MaxInt - 1 },
	} {
		p := image.NewYCbCr(image.Rect(0, 0, 64, 32), image.YCbCrSubsampleRatio420)
		if err := e.take(p, 0); err != nil {
			t.Fatal(err)
		}
		spoil(p)
		if err := e.take(p, 0); !errors.Is(err, errPicture) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResultsThatAreNone refuses what the library should never give.
func TestResultsThatAreNone(t *testing.T) {
	var b byte
	lengths := [2]int32{1, 0}
	fresh := func() *Encoder {
		e := &Encoder{}
		e.info.layers, e.info.layer[0] = 1, layerInfo{units: 2, lengths: &lengths[0], bytes: &b}
		return e
	}
	if out, err := fresh().result(nil); err != nil || len(out) != 1 {
		t.Fatal(out, err)
	}
	for name, spoil := range map[string]func(*Encoder){
		"layers":     func(e *Encoder) { e.info.layers = 129 },
		"negative":   func(e *Encoder) { e.info.layers = -1 },
		"units":      func(e *Encoder) { e.info.layer[0].units = 2000 },
		"no lengths": func(e *Encoder) { e.info.layer[0].lengths = nil },
		"no bytes":   func(e *Encoder) { e.info.layer[0].bytes = nil },
		"length":     func(e *Encoder) { e.info.layer[0].lengths = &[]int32{-1, 0}[0] },
		"too long":   func(e *Encoder) { e.info.layer[0].lengths = &[]int32{1, 1 << 30}[0] },
	} {
		e := fresh()
		spoil(e)
		if out, err := e.result(nil); !errors.Is(err, errEncoded) || len(out) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}
