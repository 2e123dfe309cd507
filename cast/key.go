package cast

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Key is a secret of the Broadcaster's for a purpose, which nobody can guess: the same one whenever that is asked for, so that
// several fronts take what one of them has signed. It is another one in each run of the program.
func (b *Broadcaster) Key(purpose string) (key [32]byte) {
	if b.key == nil {
		b.key = make([]byte, 32)
		b.config.Random(b.key)
	}
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(purpose))
	return [32]byte(mac.Sum(key[:0]))
}
