package mjpeg

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// readBytes is how much files are read at a time.
const readBytes = 256 << 10

// picture is a JPEG that is unlike those of other greys.
func picture(t testing.TB, grey byte) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			p.Set(x, y, color.Gray{grey + byte(x+y)})
		}
	}
	return encoded(t, p)
}

// pictureOf is a JPEG of a size.
func pictureOf(t testing.TB, width, height int) []byte {
	t.Helper()
	return encoded(t, image.NewRGBA(image.Rect(0, 0, width, height)))
}

func encoded(t testing.TB, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func equal(got, want [][]byte) bool { return slices.EqualFunc(got, want, bytes.Equal) }

// scanned are the pictures in some bytes, which come in parts of n bytes.
func scanned(data []byte, n, maxFrame int, onlyFirst bool) (pictures [][]byte, s *Scanner) {
	s = New(maxFrame, onlyFirst)
	for isEnd := false; ; {
		if p := s.Next(isEnd); p != nil {
			pictures = append(pictures, bytes.Clone(p))
			continue
		}
		if isEnd {
			return pictures, s
		}
		part := data[:min(n, len(data))]
		data = data[len(part):]
		s.Add(copy(s.Space(len(part)), part))
		isEnd = len(part) == 0
	}
}

// application is an application segment, which claims some more bytes than it has.
func application(marker byte, content []byte, more int) []byte {
	length := len(content) + 2 + more
	return slices.Concat([]byte{0xff, marker, byte(length >> 8), byte(length)}, content)
}

func exifWith(thumbnail []byte, more int) []byte {
	return application(0xe1, slices.Concat([]byte("Exif\x00\x00MM\x00*"), thumbnail, make([]byte, 9)), more)
}

// box is a box of an MP4.
func box(kind string, content ...byte) []byte {
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(content))), []byte(kind), content)
}

// after inserts something after SOI.
func after(picture []byte, insert ...[]byte) []byte {
	return slices.Concat(picture[:2], slices.Concat(insert...), picture[2:])
}

// indexed gives a picture an index that names another one of a size behind it (MPF).
func indexed(picture []byte, size int) []byte {
	entry := func(size, offset int) []byte {
		return slices.Concat(make([]byte, 4), binary.BigEndian.AppendUint32(nil, uint32(size)), binary.BigEndian.AppendUint32(nil, uint32(offset)), make([]byte, 4))
	}
	make := func(offset int) []byte {
		return application(0xe2, slices.Concat([]byte("MPF\x00MM\x00*\x00\x00\x00\x08\x00\x01\xb0\x02\x00\x07\x00\x00\x00\x20\x00\x00\x00\x1a"),
			[]byte{0, 0, 0, 0}, entry(0, 0), entry(size, offset)), 0)
	}
	length := len(picture) + len(make(0))
	return after(picture, make(length-10))
}

func TestScanner(t *testing.T) {
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	thumbnail := pictureOf(t, 8, 8)
	withThumbnail := after(a, exifWith(thumbnail, 0))
	spoilt := bytes.Clone(withThumbnail)
	spoilt[2+len(exifWith(thumbnail, 0))] = 0 // the marker behind the segment
	scan := bytes.Index(b, []byte{0xff, jpeg.SOS})
	noEOI := b[:len(b)-2]
	restart := slices.Insert(bytes.Clone(b), scan+20, 0xff, jpeg.RST0)
	moved := box("moov", after(thumbnail, make([]byte, 0))...)
	for name, test := range map[string]struct {
		data   [][]byte
		want   [][]byte
		broken uint64
	}{
		"nothing":                              {},
		"two":                                  {[][]byte{a, b}, [][]byte{a, b}, 0},
		"a thumbnail":                          {[][]byte{withThumbnail, b}, [][]byte{withThumbnail, b}, 0},
		"a thumbnail, without the SOI":         {[][]byte{withThumbnail[2:], b}, [][]byte{b}, 0},
		"a thumbnail, spoilt behind it":        {[][]byte{spoilt, b}, [][]byte{b}, 1},
		"a thumbnail, cut off behind it":       {[][]byte{withThumbnail[:2+len(exifWith(thumbnail, 0))], b}, [][]byte{b}, 1},
		"a thumbnail, cut off, claims much":    {[][]byte{after(a, exifWith(thumbnail, 9000))[:len(thumbnail)+30]}, nil, 1},
		"an index":                             {[][]byte{indexed(a, len(b)), b, c}, [][]byte{indexed(a, len(b)), c}, 0},
		"an index that names too little":       {[][]byte{indexed(a, 50), b, c}, [][]byte{indexed(a, 50), b, c}, 0},
		"an index that names the world":        {[][]byte{indexed(a, 1<<30), b, c}, [][]byte{indexed(a, 1<<30), b, c}, 0},
		"a motion photo":                       {[][]byte{a, box("ftyp", 1, 2, 3, 4, 5, 6, 7, 8), moved, b}, [][]byte{a, b}, 0},
		"an endless box":                       {[][]byte{a, box("ftyp", 1, 2, 3, 4, 5, 6, 7, 8), {0, 0, 0, 0}, []byte("mdat"), b}, [][]byte{a}, 0},
		"a large box":                          {[][]byte{a, box("ftyp", 1, 2, 3, 4, 5, 6, 7, 8), {0, 0, 0, 1}, []byte("mdat"), {0, 0, 0, 0, 0, 0, 0, 20, 1, 2, 3, 4}, b, c}, [][]byte{a, b, c}, 0},
		"no EOI before another":                {[][]byte{noEOI, a}, [][]byte{b, a}, 0},
		"no EOI before the end":                {[][]byte{a, noEOI}, [][]byte{a, b}, 0},
		"half an EOI":                          {[][]byte{a, noEOI, {0xff}}, [][]byte{a, b}, 0},
		"cut off in the middle":                {[][]byte{b[:len(b)-40], a}, [][]byte{a}, 1},
		"cut off in the frame header":          {[][]byte{b[:bytes.Index(b, []byte{0xff, jpeg.SOF0})+7], a}, [][]byte{a}, 1},
		"cut off in the scan header":           {[][]byte{b[:scan+5], a, c}, [][]byte{a, c}, 1},
		"a restart marker":                     {[][]byte{restart}, [][]byte{restart}, 0},
		"SOI and EOI":                          {[][]byte{{0xff, jpeg.SOI, 0xff, jpeg.EOI}, a}, [][]byte{a}, 1},
		"SOI twice":                            {[][]byte{{0xff, jpeg.SOI}, a}, [][]byte{a}, 0},
		"SOI again and again":                  {[][]byte{bytes.Repeat([]byte{0xff, jpeg.SOI}, 99), a}, [][]byte{a}, 0},
		"fill bytes before another":            {[][]byte{{0xff, 0xff, 0xff}, a, {0xff, 0xff, 0xff}, b}, [][]byte{a, b}, 0},
		"larger than may be, in its headers":   {[][]byte{after(a, application(0xe5, make([]byte, 8000), 0)), b}, [][]byte{b}, 1},
		"larger than may be, in its scan":      {[][]byte{a[:len(a)-2], make([]byte, 8000), {0xff, jpeg.EOI}, b}, [][]byte{b}, 1},
		"larger than may be, by fill bytes":    {[][]byte{a[:2], bytes.Repeat([]byte{0xff}, 8000), a[2:], b}, [][]byte{b}, 1},
		"larger than may be, in a thumbnail":   {[][]byte{after(a, application(0xe1, slices.Concat(thumbnail, make([]byte, 8000)), 0)), b}, [][]byte{b}, 1},
		"a segment cut off before two":         {[][]byte{after(a, application(0xe2, make([]byte, 20), len(b)+1))[:24], b, c}, [][]byte{c}, 1},
		"a table cut off before two":           {[][]byte{after(a, application(jpeg.DQT, make([]byte, 20), len(b)+1))[:24], b, c}, [][]byte{b, c}, 1},
		"the coded data of one, and the other": {[][]byte{b[scan+14:], a}, [][]byte{a}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Join(test.data, nil)
			for _, n := range []int{1, 2, 7, 100, 1 << 20} {
				got, s := scanned(data, n, 6000, false)
				if !equal(got, test.want) || s.broken != test.broken {
					t.Fatalf("in parts of %d: %d pictures, want %d, or others; %d broken, want %d", n, len(got), len(test.want), s.broken, test.broken)
				}
			}
		})
	}
}

// TestOnlyFirst has a file be one picture.
func TestOnlyFirst(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	for name, test := range map[string]struct {
		data, want [][]byte
		broken     uint64
	}{
		"another behind it":  {[][]byte{a, b}, [][]byte{a}, 0},
		"garbage behind it":  {[][]byte{a, make([]byte, 99)}, [][]byte{a}, 0},
		"garbage before it":  {[][]byte{make([]byte, 99), a}, [][]byte{a}, 0},
		"broken, and others": {[][]byte{a[:len(a)/2], b}, nil, 1},
	} {
		got, s := scanned(bytes.Join(test.data, nil), 100, 6000, true)
		if !equal(got, test.want) || s.broken != test.broken {
			t.Errorf("%s: %d pictures, want %d; %d broken, want %d", name, len(got), len(test.want), s.broken, test.broken)
		}
	}
}

// visitsPerByte is how often the scanner looks at a byte, on average, at most: when it searches,
// when it walks from marker to marker, twice when it completes a picture that has no EOI, and what
// a marker that gives a picture up costs.
const visitsPerByte = 8

// TestScannerIsLinear has bytes that tempt a scanner to go over them again and again.
func TestScannerIsLinear(t *testing.T) {
	a := picture(t, 10)
	for name, unit := range map[string][]byte{
		"SOI":                {0xff, jpeg.SOI},
		"FF":                 {0xff},
		"zeros":              make([]byte, 100),
		"long segments":      {0xff, jpeg.SOI, 0xff, 0xe0, 0xff, 0xff},
		"segments of tables": {0xff, jpeg.SOI, 0xff, jpeg.DQT, 0xff, 0xff},
		"short segments":     {0xff, jpeg.SOI, 0xff, 0xe0, 0, 2},
		"Exif":               slices.Concat([]byte{0xff, 0xe1, 0xff, 0xff}, exif),
		"nested":             {0xff, 0xe5, 0, 8, 0xff, jpeg.SOI, 0xff, 0xe6, 0, 2},
		"pictures":           a,
		"no EOI":             a[:len(a)-2],
		"half pictures":      a[:len(a)/2],
		"boxes":              slices.Concat(a, box("ftyp"), box("free")),
	} {
		for _, data := range [][]byte{bytes.Repeat(unit, (1<<20)/len(unit)), slices.Concat(a[:len(a)-2], bytes.Repeat(unit, (1<<20)/len(unit)))} {
			_, s := scanned(data, readBytes, 1<<18, false)
			if s.visits > visitsPerByte*uint64(len(data)) {
				t.Errorf("%s: %d bytes are looked at %d times", name, len(data), s.visits)
			}
			if most := 2*(1<<18) + 4*readBytes; cap(s.buffer) > most {
				t.Errorf("%s: a buffer of %d bytes, want at most %d", name, cap(s.buffer), most)
			}
		}
	}
}

// TestScannerOverGarbage has random bytes, of which many are such that matter.
func TestScannerOverGarbage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	matter := []byte{0xff, 0xff, 0xff, jpeg.SOI, jpeg.EOI, jpeg.SOS, jpeg.DQT, 0xe1, 0, 0, 2, 8, jpeg.RST0}
	for range 200 {
		data := make([]byte, 5000)
		for i := range data {
			data[i] = matter[random.IntN(len(matter))]
		}
		checkScan(t, data, uint64(random.Uint32()))
	}
}

// FuzzScan has any bytes scanned.
func FuzzScan(f *testing.F) {
	a := pictureOf(f, 16, 16)
	f.Add(bytes.Join([][]byte{{0, 0, 0}, a, a[:len(a)-2], a[:40], a}, nil), uint64(3))
	f.Add(bytes.Repeat([]byte{0xff, jpeg.SOI}, 50), uint64(4))
	f.Add(slices.Concat(indexed(a, len(a)), a, box("ftyp", 1, 2, 3, 4), box("mdat", a...), a), uint64(5))
	f.Add(slices.Concat(after(a, exifWith(a, 100)), a), uint64(6))
	f.Fuzz(checkScan)
}

// checkScan checks that the work is linear, that each picture can be walked through from SOI to EOI,
// and that the same are found in whatever parts the bytes come.
func checkScan(t *testing.T, data []byte, seed uint64) {
	const maxFrame = 3000
	want, whole := scanned(data, len(data)+1, maxFrame, false)
	for _, p := range want {
		if n, err := jpeg.Length(p); err != nil || n != len(p) || n > maxFrame+2 {
			t.Fatalf("a picture of %d bytes: length %d, %v", len(p), n, err)
		}
	}
	if most := visitsPerByte*uint64(len(data)) + 100; whole.visits > most {
		t.Fatalf("%d bytes are looked at %d times", len(data), whole.visits)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	n := 1 + random.IntN(len(data)+1)
	got, parts := scanned(data, n, maxFrame, false)
	if !equal(got, want) || parts.broken != whole.broken {
		t.Fatalf("in parts of %d: %d pictures and %d broken, want %d and %d, or others", n, len(got), parts.broken, len(want), whole.broken)
	}
	if first, _ := scanned(data, n, maxFrame, true); len(first) > 1 || len(first) == 1 && !bytes.Equal(first[0], want[0]) {
		t.Fatalf("%d pictures in a file of one, or another", len(first))
	}
}
