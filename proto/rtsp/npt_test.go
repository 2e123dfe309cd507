package rtsp

import (
	"math"
	"testing"
)

func TestPlayableRange(t *testing.T) {
	for in, want := range map[string]bool{
		"": true, "npt=0.000-": true, "npt=0-": true, "npt=now-": true, "NPT=now-": true, " npt=1:02:03.5-1:02:04": true, "npt=-20": true,
		"npt=0-;time=19970123T143720Z": true, "smpte=0:10:20-": true, "clock=19961108T142300Z-": true, "npt=5-5": true, "unheard": true,
		"npt=10-5": false, "npt=1:00:00-5": false, "npt": false, "npt=": false, "npt=-": false, "npt=5": false, "npt=x-": false, "npt=1:2-": false,
		"npt=1e9-": false, "npt=1.x-": false, "npt=NaN-": false,
	} {
		if got := playableRange(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
	if seconds, ok := parseNPT("1:02:03.5"); !ok || math.Abs(seconds-3723.5) > 1e-9 {
		t.Errorf("1:02:03.5 is %v, %v", seconds, ok)
	}
}

// FuzzNPT: a time is -1 or a number of seconds that is not negative, and any range that begins where it ends can be played.
func FuzzNPT(f *testing.F) {
	for _, text := range []string{"now", "12.5", "1:02:03.5", "99999999999999999999:1:1", "1.", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seconds, ok := parseNPT(text)
		switch {
		case !ok && seconds != 0, math.IsNaN(seconds), seconds < 0 && seconds != -1:
			t.Fatalf("%q is %v, %v", text, seconds, ok)
		case ok && seconds >= 0 && !(playableRange("npt="+text+"-"+text) && playableRange("npt="+text+"-") && playableRange("npt=-"+text)):
			t.Fatalf("%q is %v, and cannot be played", text, seconds)
		}
		playableRange(text)
	})
}
