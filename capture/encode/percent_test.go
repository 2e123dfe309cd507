package encode

import (
	"testing"

	"github.com/camcast/camcast/openh264"
)

// TestPercentOf is for machines of 32 bits: elsewhere nothing overflows.
func TestPercentOf(t *testing.T) {
	for _, percent := range []int{1, 50, 99, fullQuality} {
		if got, want := percentOf(openh264.MaxBitrate, percent), openh264.MaxBitrate/fullQuality*percent; got != want {
			t.Errorf("%d %%: %d bits/s, want %d", percent, got, want)
		}
	}
}
