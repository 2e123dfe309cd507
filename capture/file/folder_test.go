package file

import (
	"fmt"
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
