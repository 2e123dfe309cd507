package cast

// State is that of a stream's source.
type State uint8

const (
	// Idle: the source waits for the first reader.
	Idle State = iota + 1
	// Opening: the source is being opened.
	Opening
	// Live: frames come.
	Live
	// Lingering: frames come though nobody watches, for a while.
	Lingering
	// Lost: the source is not there, or has failed, and is opened again after a while.
	Lost
	// Ended: there will be no more frames.
	Ended
)

// String is the state in a word.
func (s State) String() string {
	switch s {
	case Idle:
		return "idle"
	case Opening:
		return "opening"
	case Live:
		return "live"
	case Lingering:
		return "lingering"
	case Lost:
		return "lost"
	case Ended:
		return "ended"
	}
	return "unknown"
}

// MarshalText is String, so that logs and JSON have the word. The error is always nil.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
