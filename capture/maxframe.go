package capture

import "fmt"

const (
	// DefaultMaxFrame is the size in bytes of the largest frame that a source delivers and a
	// stream sends, unless another one is chosen.
	DefaultMaxFrame = 16 << 20
	minMaxFrame     = 1 << 10
	maxMaxFrame     = 1 << 30
)

// MaxFrame is the size of the largest frame, in bytes, for a setting: DefaultMaxFrame for 0. The
// error says what the setting may be, 1 kB to 1 GB.
func MaxFrame(setting int) (bytes int, err error) {
	switch {
	case setting == 0:
		return DefaultMaxFrame, nil
	case setting < minMaxFrame || setting > maxMaxFrame:
		return 0, fmt.Errorf("must be %d to %d bytes", minMaxFrame, maxMaxFrame)
	}
	return setting, nil
}
