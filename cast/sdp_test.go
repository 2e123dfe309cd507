package cast_test

import (
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestSDPVersionGrows opens a camera again, which delivers what it delivered before, and then
// another frame rate. The version grows with the change alone (RFC 8866, section 5.2).
func TestSDPVersionGrows(t *testing.T) {
	w := newWorld(t, 1, nil)
	origin := regexp.MustCompile(`(?m)^o=- (\d+) (\d+) IN `)
	read := func() (id string, version int) {
		t.Helper()
		sdp, err := w.s.SDPFor(cast.Destination{Peer: netip.MustParseAddrPort("10.0.1.1:7000")})
		found := origin.FindSubmatch(sdp)
		if err != nil || found == nil {
			t.Fatalf("%v: no o= line in\n%s", err, sdp)
		}
		version, err = strconv.Atoi(string(found[2]))
		if err != nil {
			t.Fatal(err)
		}
		return string(found[1]), version
	}
	reopen := func() {
		t.Helper()
		before := w.s.Figures().Restarts
		w.camera.lost = true
		w.until(func() bool { return w.s.Figures().Restarts > before })
		w.run(time.Second)
	}
	w.run(time.Second)
	id, first := read()
	reopen()
	if _, same := read(); same != first {
		t.Errorf("version %d after %d, though nothing has changed", same, first)
	}
	slower := *w.camera.params
	slower.FramesPerSecond, slower.Version = 15, 1
	w.camera.params = &slower
	reopen()
	if after, second := read(); second <= first || after != id {
		t.Errorf("session %s version %d after session %s version %d; the frame rate has changed", after, second, id, first)
	}
}
