package h265_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// chainFrames are the frames of a stream in proto/nal/testdata.
func chainFrames(t testing.TB, name string) (list []media.Frame) {
	t.Helper()
	frames(nal.NewStream(h265.NewAssembler(1<<20)), stream(t, name), 1<<20, func(f media.Frame, err error) {
		if err != nil {
			t.Fatal(err)
		}
		f.Bytes = bytes.Clone(f.Bytes)
		list = append(list, f)
	})
	return list
}

// without says of each frame whether it can be decoded, + or -, when one does not come.
func without(list []media.Frame, dropped int) string {
	var c h265.Chain
	var out strings.Builder
	for i := range list {
		switch {
		case i == dropped:
			out.WriteByte('.')
		case c.Next(&list[i]):
			out.WriteByte('+')
		default:
			out.WriteByte('-')
		}
	}
	return out.String()
}

// TestChain has each frame of real streams not come: those that need it cannot be decoded, all others can.
// The groups of bframes are open: the three frames after its second key frame need those before that.
func TestChain(t *testing.T) {
	for name, want := range map[string][]string{
		"baseline": {".---++++", "+.--++++", "++.-++++", "+++.++++", "++++.---", "+++++.--", "++++++.-", "+++++++."},
		"bframes": {
			".----+---+++++", "+.---+---+++++", "++.--+---+++++", "+++.++++++++++", "++++.+++++++++",
			"+++++.--------", "++++++.--+++++", "+++++++.++++++", "++++++++.+++++", "+++++++++.----",
			"++++++++++.---", "+++++++++++.++", "++++++++++++.+", "+++++++++++++.",
		},
		"slices": {".---++", "+.--++", "++.-++", "+++.++", "++++.-", "+++++."},
	} {
		list := chainFrames(t, name)
		for dropped := range list {
			if got := without(list, dropped); got != want[dropped] {
				t.Errorf("%s without frame %d: %s, want %s", name, dropped, got, want[dropped])
			}
		}
		if got := without(list, -1); strings.Contains(got, "-") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	list := chainFrames(t, "bframes")
	var c h265.Chain
	c.Next(&list[0])
	if n := testing.AllocsPerRun(10, func() {
		for i := range list {
			c.Next(&list[i])
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzChain has parameter sets and frames be any bytes: a key frame can always be decoded.
func FuzzChain(f *testing.F) {
	for _, name := range []string{"bframes", "slices"} {
		list := chainFrames(f, name)
		f.Add(bytes.Join(list[0].Params.ParameterSets, []byte{0xff, 0xff}), list[0].Bytes, list[1].Bytes, false)
	}
	f.Fuzz(func(t *testing.T, sets, first, second []byte, key bool) {
		var c h265.Chain
		p := &media.Params{Format: media.H265, ParameterSets: bytes.Split(sets, []byte{0xff, 0xff})}
		c.Next(&media.Frame{Params: p, Bytes: first})
		if whole := c.Next(&media.Frame{Params: p, Bytes: second, Key: key}); key && !whole {
			t.Fatal("a key frame lacks something")
		}
	})
}
