package term

// Key is a key that means something to a viewer.
type Key uint8

const (
	// Quit is q, Ctrl-C or Ctrl-D.
	Quit Key = iota + 1
	// Pause is the space bar.
	Pause
	// Back and Forth are the left and right arrows.
	Back
	Forth
	// Live is the End key, where the newest picture is.
	Live
)

// plainKeys are the keys that send one byte.
var plainKeys = map[byte]Key{'q': Quit, 'Q': Quit, 0x03: Quit, 0x04: Quit, ' ': Pause}

// finals are the last bytes of the sequences that other keys send, after ESC [ or ESC O
// (xterm's cursor and keypad modes).
var finals = map[byte]Key{'D': Back, 'C': Forth, 'F': Live}

// KeyReader understands what a terminal sends when keys are pressed. Its zero value is
// ready.
type KeyReader struct {
	state  keyState
	number int // of a sequence such as ESC [ 4 ~
}

type keyState uint8

const (
	ground   keyState = iota
	escaped           // after ESC
	sequence          // after ESC [ or ESC O
)

// Read calls press for each key in p, which may begin and end in the middle of what a key
// sends. Keys that mean nothing are passed over.
func (k *KeyReader) Read(p []byte, press func(Key)) {
	for _, b := range p {
		if key := k.next(b); key != 0 {
			press(key)
		}
	}
}

func (k *KeyReader) next(b byte) Key {
	switch {
	case b == 0x1b:
		k.state = escaped
	case k.state == escaped && (b == '[' || b == 'O'):
		k.state, k.number = sequence, 0
	case k.state == sequence:
		return k.inSequence(b)
	default:
		k.state = ground
		return plainKeys[b]
	}
	return 0
}

// inSequence takes a byte after ESC [: parameters and then a final byte (ECMA-48,
// section 5.4).
func (k *KeyReader) inSequence(b byte) Key {
	switch {
	case b >= '0' && b <= '9':
		k.number = min(k.number*10+int(b-'0'), 1000)
		return 0
	case b >= 0x20 && b < 0x40:
		return 0
	case b < 0x20: // no part of a sequence: it was cut short
		k.state = ground
		return plainKeys[b]
	}
	k.state = ground
	if b == '~' && (k.number == 4 || k.number == 8) {
		return Live
	}
	return finals[b]
}
