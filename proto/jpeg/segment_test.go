package jpeg_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		data   []byte
		marker byte
		params []byte
		next   int
		err    error
	}{
		"parameters":               {[]byte{0xff, 0xdb, 0, 4, 1, 2, 9}, jpeg.DQT, []byte{1, 2}, 6, nil},
		"no parameters but length": {[]byte{0xff, 0xe0, 0, 2, 9}, 0xe0, []byte{}, 4, nil},
		"fill before it":           {[]byte{0xff, 0xff, 0xff, 0xc0, 0, 3, 7}, jpeg.SOF0, []byte{7}, 7, nil},
		"SOI":                      {[]byte{0xff, 0xd8, 0xff, 0xe0}, jpeg.SOI, nil, 2, nil},
		"EOI":                      {[]byte{0xff, 0xd9}, jpeg.EOI, nil, 2, nil},
		"EOI with fill before it":  {[]byte{0xff, 0xff, 0xd9}, jpeg.EOI, nil, 3, nil},
		"TEM":                      {[]byte{0xff, 0x01, 0, 0}, jpeg.TEM, nil, 2, nil},
		"the first restart":        {[]byte{0xff, 0xd0, 0, 0}, jpeg.RST0, nil, 2, nil},
		"the last restart":         {[]byte{0xff, 0xd7, 0, 0}, jpeg.RST7, nil, 2, nil},
		"the highest marker":       {[]byte{0xff, 0xfe, 0, 2}, 0xfe, []byte{}, 4, nil},
		"nothing":                  {nil, 0, nil, 0, jpeg.ErrMore},
		"half a marker":            {[]byte{0xff}, 0, nil, 0, jpeg.ErrMore},
		"only fill":                {[]byte{0xff, 0xff, 0xff}, 0, nil, 0, jpeg.ErrMore},
		"no length":                {[]byte{0xff, 0xdb}, 0, nil, 0, jpeg.ErrMore},
		"half a length":            {[]byte{0xff, 0xdb, 0}, 0, nil, 0, jpeg.ErrMore},
		"cut short":                {[]byte{0xff, 0xdb, 0, 4, 1}, 0, nil, 0, jpeg.ErrMore},
		"no marker":                {[]byte{0, 0xff, 0xd9}, 0, nil, 0, jpeg.ErrBroken},
		"a coded FF":               {[]byte{0xff, 0, 0, 2}, 0, nil, 0, jpeg.ErrBroken},
		"reserved":                 {[]byte{0xff, 0xbf, 0, 2}, 0, nil, 0, jpeg.ErrBroken},
		"a length of 1":            {[]byte{0xff, 0xdb, 0, 1, 0}, 0, nil, 0, jpeg.ErrBroken},
	} {
		for _, before := range [][]byte{nil, {1, 2, 3}} {
			s, next, err := jpeg.Next(slices.Concat(before, c.data), len(before))
			if !errors.Is(err, c.err) {
				t.Errorf("%s: error %v, want %v", name, err, c.err)
				continue
			}
			if err == nil && (s.Marker != c.marker || !bytes.Equal(s.Data, c.params) || next != len(before)+c.next) {
				t.Errorf("%s: FF%02X with %v, then %d; want FF%02X with %v, then %d",
					name, s.Marker, s.Data, next, c.marker, c.params, len(before)+c.next)
			}
		}
	}
}

func TestScanEnd(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		end  int
		err  error
	}{
		"EOI":              {[]byte{1, 2, 0xff, 0xd9}, 2, nil},
		"a coded FF":       {[]byte{1, 0xff, 0, 2, 0xff, 0xd9}, 4, nil},
		"restarts":         {[]byte{0xff, 0xd0, 1, 0xff, 0xd7, 0xff, 0xd9}, 5, nil},
		"fill before EOI":  {[]byte{1, 0xff, 0xff, 0xff, 0xd9}, 1, nil},
		"fill, a restart":  {[]byte{1, 0xff, 0xff, 0xd1, 2, 0xff, 0xd9}, 5, nil},
		"an empty scan":    {[]byte{0xff, 0xd9}, 0, nil},
		"another header":   {[]byte{1, 0xff, 0xc4, 0, 0}, 1, nil},
		"no end":           {[]byte{1, 2, 3}, 0, jpeg.ErrMore},
		"half a marker":    {[]byte{1, 0xff}, 0, jpeg.ErrMore},
		"fill and nothing": {[]byte{1, 0xff, 0xff}, 0, jpeg.ErrMore},
		"nothing":          {nil, 0, jpeg.ErrMore},
	} {
		if end, err := jpeg.ScanEnd(append([]byte{0xff, 0xda}, c.data...), 2); !errors.Is(err, c.err) || err == nil && end != 2+c.end {
			t.Errorf("%s: %d, %v; want %d, %v", name, end, err, 2+c.end, c.err)
		}
	}
}

// filled inserts two fill bytes before every marker but SOI.
func filled(tb testing.TB, data []byte) []byte {
	tb.Helper()
	scan, from := segmentAt(tb, data, jpeg.SOS)
	out := bytes.Clone(data[:2])
	for at := 2; at < scan; {
		end := at + 2 + int(data[at+2])<<8 + int(data[at+3])
		out = slices.Concat(out, []byte{0xff, 0xff}, data[at:end])
		at = end
	}
	end := len(data) - 2
	return slices.Concat(out, []byte{0xff, 0xff}, data[scan:from], data[from:end], []byte{0xff, 0xff}, data[end:])
}

// TestFillBytes has fill bytes stand before each marker, which changes nothing.
func TestFillBytes(t *testing.T) {
	plain := encoded(t, 648, 472)
	fill := filled(t, plain)
	if n, err := jpeg.Length(fill); n != len(fill) || err != nil {
		t.Errorf("length %d, %v; want %d", n, err, len(fill))
	}
	if w, h, err := jpeg.Size(fill); w != 648 || h != 472 || err != nil {
		t.Errorf("%dx%d, %v; want 648x472", w, h, err)
	}
	var got, want jpeg.Image
	if err := errors.Join(got.Parse(fill), want.Parse(plain)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Scan, want.Scan) || got.Luma != want.Luma || got.Chroma != want.Chroma || got.Width != 648 || got.Height != 472 {
		t.Error("another picture")
	}
}

func TestLength(t *testing.T) {
	plain := encoded(t, 64, 48)
	thumbnail := with(plain, 0xff, 0xe1, 0, 10, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9, 1, 2)
	for name, c := range map[string]struct {
		data []byte
		want int
		err  error
	}{
		"a picture":              {plain, len(plain), nil},
		"padded":                 {append(bytes.Clone(plain), 0, 0), len(plain), nil},
		"thumbnail":              {thumbnail, len(thumbnail), nil},
		"two":                    {append(bytes.Clone(plain), plain...), len(plain), nil},
		"text":                   {[]byte("hello"), 0, jpeg.ErrBroken},
		"another in its scan":    {append(bytes.Clone(plain[:len(plain)-2]), plain...), 0, jpeg.ErrBroken},
		"another in its headers": {append(bytes.Clone(plain[:2]), plain...), 0, jpeg.ErrBroken},
	} {
		if n, err := jpeg.Length(c.data); n != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v; want %d, %v", name, n, err, c.want, c.err)
		}
	}
	for n := range plain {
		if _, err := jpeg.Length(plain[:n]); !errors.Is(err, jpeg.ErrMore) {
			t.Fatalf("the first %d of %d bytes: %v, want ErrMore", n, len(plain), err)
		}
	}
}

func TestSize(t *testing.T) {
	plain := encoded(t, 64, 48)
	frame, behind := segmentAt(t, plain, jpeg.SOF0)
	for name, c := range map[string]struct {
		data          []byte
		width, height int
		err           error
	}{
		"headers alone":        {plain[:behind], 64, 48, nil},
		"progressive":          {set(t, plain, jpeg.SOF0, 1, 0xc2), 64, 48, nil},
		"half a frame header":  {plain[:frame+8], 0, 0, jpeg.ErrMore},
		"no frame header":      {without(t, plain, jpeg.SOF0), 0, 0, jpeg.ErrBroken},
		"a frame of 4 bytes":   {with(plain, 0xff, 0xc0, 0, 6, 8, 0, 48, 0), 0, 0, jpeg.ErrBroken},
		"EOI before the frame": {with(plain, 0xff, 0xd9), 0, 0, jpeg.ErrBroken},
		"tables in front":      {with(plain, 0xff, 0xc4, 0, 8, 8, 0, 9, 0, 9, 3, 0xff, 0xcc, 0, 8, 8, 0, 9, 0, 9, 3), 64, 48, nil},
		"text":                 {[]byte("hello"), 0, 0, jpeg.ErrBroken},
		"nothing":              {nil, 0, 0, jpeg.ErrMore},
		"half of SOI":          {plain[:1], 0, 0, jpeg.ErrMore},
	} {
		if w, h, err := jpeg.Size(c.data); w != c.width || h != c.height || !errors.Is(err, c.err) {
			t.Errorf("%s: %dx%d, %v; want %dx%d, %v", name, w, h, err, c.width, c.height, c.err)
		}
	}
}

// TestManySegments has a picture be made of segments that say nothing: nobody looks at all of them.
func TestManySegments(t *testing.T) {
	for _, segment := range [][]byte{{0xff, 0xe0, 0, 2}, {0xff, jpeg.RST0}, {0xff, jpeg.DQT, 0, 2}} {
		picture := slices.Concat([]byte{0xff, jpeg.SOI}, bytes.Repeat(segment, 5000), encoded(t, 64, 48)[2:])
		if _, _, err := jpeg.Size(picture); err != jpeg.ErrBroken {
			t.Errorf("FF%02X: Size: %v", segment[1], err)
		}
		if _, err := jpeg.AppendComplete(nil, picture); err != jpeg.ErrBroken {
			t.Errorf("FF%02X: AppendComplete: %v", segment[1], err)
		}
		var img jpeg.Image
		if err := img.Parse(picture); !errors.Is(err, jpeg.ErrBroken) {
			t.Errorf("FF%02X: Parse: %v", segment[1], err)
		}
	}
}

// TestScanEndOfManyFFs finds the end of scans in which bytes of FF are close together or far apart.
func TestScanEndOfManyFFs(t *testing.T) {
	for gap := range 70 {
		var scan []byte
		for i := range 20 {
			scan = append(append(scan, bytes.Repeat([]byte{1}, gap)...), 0xff, [2]byte{0, jpeg.RST0 + 3}[i%2])
			for _, c := range []struct {
				behind []byte
				skip   int
				err    error
			}{{[]byte{0xff, jpeg.EOI}, 0, nil}, {[]byte{0xff, 0xff, jpeg.DNL}, 0, nil}, {nil, 0, jpeg.ErrMore}, {[]byte{0xff}, 0, jpeg.ErrMore}, {[]byte{7}, 1, jpeg.ErrMore}} {
				if end, err := jpeg.ScanEnd(slices.Concat(scan, c.behind), 0); end != len(scan)+c.skip || err != c.err {
					t.Fatalf("% x behind %d bytes, %d apart: %d, %v", c.behind, len(scan), gap, end, err)
				}
			}
		}
	}
}

// BenchmarkScanEnd has bytes of FF be as close together as can be, in the worst distance, and as in pictures.
func BenchmarkScanEnd(b *testing.B) {
	for name, gap := range map[string]int{"close": 0, "5": 5, "pictures": 254} {
		b.Run(name, func(b *testing.B) {
			part := append(bytes.Repeat([]byte{1}, gap), 0xff, 0)
			data := append(bytes.Repeat(part, 1<<20/len(part)), 0xff, jpeg.EOI)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := jpeg.ScanEnd(data, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestWalkingAllocatesNothing(t *testing.T) {
	plain := encoded(t, 64, 48)
	half, broken := plain[:len(plain)/2], with(plain, 0)
	if n := testing.AllocsPerRun(100, func() {
		for _, data := range [][]byte{plain, half, broken, plain[:8]} {
			_, _ = jpeg.Length(data)
			_, _, _ = jpeg.Size(data)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzLength walks from marker to marker, checks that each step goes on and stays within the
// data, and compares with what Length says.
func FuzzLength(f *testing.F) {
	plain := encoded(f, 32, 16)
	f.Add(plain)
	f.Add(filled(f, plain))
	f.Add(plain[:50])
	f.Fuzz(func(t *testing.T, data []byte) {
		length, err := jpeg.Length(data)
		if err == nil && (length < 4 || length > len(data) || data[length-1] != jpeg.EOI) {
			t.Fatalf("length %d of %d", length, len(data))
		}
		if err != nil && !errors.Is(err, jpeg.ErrBroken) && !errors.Is(err, jpeg.ErrMore) {
			t.Fatalf("error %v is of no kind", err)
		}
		if walked, ok := walk(t, data); ok != (err == nil) || walked != length {
			t.Fatalf("walking says %d, %v; Length %d, %v", walked, ok, length, err)
		}
		if err != nil {
			return
		}
		if again, err := jpeg.Length(data[:length]); err != nil || again != length {
			t.Fatalf("of those %d bytes alone: %d, %v", length, again, err)
		}
		if _, err := jpeg.Length(data[:length-1]); !errors.Is(err, jpeg.ErrMore) {
			t.Fatalf("without the last byte: %v, want ErrMore", err)
		}
		var img jpeg.Image
		w, h, err := jpeg.Size(data)
		if parsed := img.Parse(data); parsed == nil && (err != nil || w != img.Width || h != img.Height) {
			t.Fatalf("Size: %dx%d, %v; Parse: %dx%d", w, h, err, img.Width, img.Height)
		}
	})
}

// walk is another way to find the length of a picture.
func walk(t *testing.T, data []byte) (length int, ok bool) {
	if !bytes.HasPrefix(data, []byte{0xff, jpeg.SOI}) {
		return 0, false
	}
	for at := 2; ; {
		s, next, err := jpeg.Next(data, at)
		if err != nil {
			return 0, false
		}
		if next < at+2 || next > len(data) || data[at] != 0xff || !bytes.HasSuffix(data[at:next], s.Data) {
			t.Fatalf("after byte %d of %d: %d", at, len(data), next)
		}
		at = next
		switch s.Marker {
		case jpeg.EOI:
			return at, true
		case jpeg.SOI:
			return 0, false
		case jpeg.SOS:
			if at, err = jpeg.ScanEnd(data, next); err != nil {
				return 0, false
			}
		default:
			continue
		}
		if at < next || at >= len(data) || data[at] != 0xff {
			t.Fatalf("the scan from %d ends at %d of %d", next, at, len(data))
		}
	}
}

// TestGoingOn gives Next and ScanEnd their data byte by byte. Where they say that they can go
// on, they find the same.
func TestGoingOn(t *testing.T) {
	fill := bytes.Repeat([]byte{0xff}, 50)
	segment := slices.Concat(fill, []byte{0xff, 0xdb, 0, 4, 1, 2})
	at := 0
	for n := range len(segment) {
		_, next, err := jpeg.Next(segment[:n], at)
		if !errors.Is(err, jpeg.ErrMore) || next < at || next < n-5 {
			t.Fatalf("after %d bytes: go on at %d, %v", n, next, err)
		}
		at = next
	}
	if s, next, err := jpeg.Next(segment, at); err != nil || s.Marker != jpeg.DQT || next != len(segment) {
		t.Errorf("FF%02X until %d, %v", s.Marker, next, err)
	}
	scan := slices.Concat([]byte{1, 2, 0xff, 0, 3, 0xff, 0xd0, 4}, fill, []byte{0xff, 0xd9})
	at = 0
	for n := range len(scan) {
		end, err := jpeg.ScanEnd(scan[:n], at)
		if !errors.Is(err, jpeg.ErrMore) || end < n-1 {
			t.Fatalf("after %d bytes: go on at %d, %v", n, end, err)
		}
		at = end
	}
	if end, err := jpeg.ScanEnd(scan, at); err != nil || end != len(scan)-2 {
		t.Errorf("end %d, %v; want %d", end, err, len(scan)-2)
	}
}
