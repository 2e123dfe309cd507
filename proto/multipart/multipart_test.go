package multipart

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"testing"
	"time"
)

func picture(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestParts has the standard library read what is written.
func TestParts(t *testing.T) {
	p := picture(t)
	body := []byte(Opening)
	taken := time.Unix(1700000000, 12_345_678)
	for range 3 {
		from := len(body)
		var err error
		if body, err = AppendPart(body, p, taken); err != nil {
			t.Fatal(err)
		}
		if head := len(body) - from - len(p) - len(Trailer); head > MaxHeadBytes {
			t.Errorf("%d bytes before the picture, at most %d", head, MaxHeadBytes)
		}
	}
	_, params, err := mime.ParseMediaType(ContentType)
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for i := range 3 {
		part, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(part.Header.Get("Content-Length"))
		if err != nil || n != len(p) || part.Header.Get("X-Timestamp") != "1700000000.012345" || part.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("part %d: header %v", i, part.Header)
		}
		if got, err := io.ReadAll(part); err != nil && i < 2 || !bytes.Equal(got, p) {
			t.Errorf("part %d: %d bytes of %d, %v", i, len(got), len(p), err)
		}
	}
}

func TestNoPicture(t *testing.T) {
	if _, err := AppendPart(nil, []byte("no picture"), time.Unix(0, 0)); err == nil {
		t.Error("it is taken for a picture")
	}
}

func TestAllocatesNothing(t *testing.T) {
	p, taken := picture(t), time.Unix(1700000000, 0)
	room, err := AppendPart(nil, p, taken)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { room, _ = AppendPart(room[:0], p, taken) }); n > 0 {
		t.Errorf("%v allocations a part", n)
	}
}
