package bench

import (
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// BenchmarkCapacity finds how many readers each model holds at 30 frames/s on one CPU: with frames of JPEG, or of H.264 if
// each reader has keys of its own.
func BenchmarkCapacity(b *testing.B) {
	private := slices.DeleteFunc(model.AllWebRTC(), func(m model.Entry) bool { return !m.Private })
	for _, m := range append(model.All(), private...) {
		b.Run("net=veth/model="+m.Name, func(b *testing.B) {
			for b.Loop() {
				readers, err := lab.Capacity("veth", m.Name, measure.CapacityStart)
				for look := 1; err == nil && look < measure.CapacityLooks; look++ {
					readers, err = lab.CapacityAbove("veth", m.Name, readers)
				}
				if missing := (measure.AbsentError{}); errors.As(err, &missing) {
					skip(b, missing.Error())
				}
				must(b, err)
				b.ReportMetric(float64(readers), "readers")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}
