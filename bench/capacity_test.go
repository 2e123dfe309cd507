package bench

import (
	"errors"
	"testing"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// BenchmarkCapacity finds how many readers each model holds at 30 frames/s on one CPU.
func BenchmarkCapacity(b *testing.B) {
	for _, m := range model.All() {
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
