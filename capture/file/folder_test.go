package file

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture"
)

func TestFolder(t *testing.T) {
	folder := t.TempDir()
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	write(t, filepath.Join(folder, "frame10.JPG"), c)
	write(t, filepath.Join(folder, "frame2.jpeg"), b)
	write(t, filepath.Join(folder, "frame1.jpg"), a)
	write(t, filepath.Join(folder, "frame3.jpg"), []byte("no picture"))
	write(t, filepath.Join(folder, "notes.txt"), []byte("hello"))
	s, h := openSource(t, folder, Options{Loop: true})
	play(t, h, 3, a, b, c)
	write(t, filepath.Join(folder, "frame11.jpg"), b)
	play(t, h, 5, a, b, c, b, a)
	if got := s.Figures(); got != (capture.Figures{Frames: 8, Broken: 2}) {
		t.Errorf("%+v, want 2 broken", got)
	}
}

// TestFolderOfBrokenFiles has more of them than one job should open.
func TestFolderOfBrokenFiles(t *testing.T) {
	folder := t.TempDir()
	for i := range 3*jobFiles + 1 {
		write(t, filepath.Join(folder, fmt.Sprintf("%d.jpg", i)), []byte("no picture"))
	}
	_, h := openSource(t, folder, Options{})
	play(t, h, 1)
	if len(h.Reports) != 1 || !strings.HasPrefix(h.Reports[0], "failed: ") || !strings.Contains(h.Reports[0], "no whole JPEG picture in it") {
		t.Errorf("%q, want a failure", h.Reports)
	}
	a := picture(t, 10)
	write(t, filepath.Join(folder, "00.jpg"), a)
	s, h := openSource(t, folder, Options{})
	play(t, h, 3, a)
	if s.Figures() != (capture.Figures{Frames: 1, Broken: 3*jobFiles + 1}) {
		t.Errorf("%+v", s.Figures())
	}
}

// TestOtherFolderWhileListed has another folder get the name while the first one is listed.
func TestOtherFolderWhileListed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pictures")
	a, b := picture(t, 10), picture(t, 60)
	makeFolder := func(name string, p []byte) {
		t.Helper()
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, name), p)
	}
	makeFolder("a.jpg", a)
	f, err := openFolder(path, Options{MaxFrame: capture.DefaultMaxFrame}, resume{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	makeFolder("b.jpg", b)
	if err := f.apply(changes{rescan: true}, nil); err != nil {
		t.Fatal(err)
	}
	if p, err := f.next(&budget{bytes: jobBytes, files: jobFiles}); p.Bytes != nil || err != errEnd {
		t.Errorf("%d bytes, %v; want none of the folder that is gone", len(p.Bytes), err)
	}
	if err := f.apply(changes{}, nil); err != nil {
		t.Fatal(err)
	}
	if p, err := f.next(&budget{bytes: jobBytes, files: jobFiles}); !bytes.Equal(p.Bytes, b) || err != nil {
		t.Errorf("%d bytes, %v; want the other folder's picture", len(p.Bytes), err)
	}
	if err := f.apply(changes{}, nil); err != nil || f.listing != nil {
		t.Errorf("listed a third time: %v, %v", f.listing != nil, err)
	}
}

func TestCompareNames(t *testing.T) {
	want := []string{"a", "a01", "a1", "a02", "a2b", "a10", "a10b", "b"}
	for i := range want {
		for j := range want {
			if got := compareNames(want[i], want[j]); got != cmpInt(i, j) {
				t.Errorf("%s, %s: %d", want[i], want[j], got)
			}
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
