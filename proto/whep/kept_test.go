package whep

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// TestWhatIsKept has sessions keep of their offers what they need: not the texts, nor all that is in them.
func TestWhatIsKept(t *testing.T) {
	text := offers(t)["chromium"]
	text = bytes.Replace(text, []byte("SAVPF 96"), []byte("SAVPF 96"+strings.Repeat(" 102", 3000)), 1)
	fingerprint := text[bytes.Index(text, []byte("a=fingerprint:")):]
	fingerprint = fingerprint[:bytes.IndexByte(fingerprint, '\n')+1]
	text = bytes.ReplaceAll(text, fingerprint, bytes.Repeat(fingerprint, 50))
	parse := func() *Offer {
		o, err := ParseOffer(text)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := parse(); len(o.Codecs) != 4 || len(o.Fingerprints) != maxFingerprints {
		t.Errorf("%d payload types, %d fingerprints", len(o.Codecs), len(o.Fingerprints))
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	type kept struct {
		ufrag string
		has   func([]byte) bool
	}
	all := make([]kept, 200)
	before := heap()
	for i := range all {
		o := parse()
		all[i] = kept{o.Ufrag, o.Fingerprints.Has}
	}
	if bytes := (heap() - before) / int64(len(all)); bytes > 1500 {
		t.Errorf("%d bytes are kept of an offer of %d", bytes, len(text))
	}
	runtime.KeepAlive(all)
}
