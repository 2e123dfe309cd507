package credentials

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

const (
	// NonceTime is how long a nonce is taken.
	NonceTime = 5 * time.Minute
	// maxUsed is how many nonces are remembered with their counts: some 400 kB. Of more, the oldest ones are not taken any
	// more.
	maxUsed = 4096
	// window is how many counts before the highest one may still come: clients have several connections, on which requests
	// overtake each other.
	window = 64
)

// Nonces makes nonces for clients whose connections are many and short. A nonce is good on any connection: it says when it was
// made, and carries a MAC. What is kept is which counts of a nonce were used, of those that came with the right password.
type Nonces struct {
	key    []byte
	serial uint64
	used   map[string]*counts
	// order has the nonces of used, as they were first used. floor is when the newest one was made that was forgotten early.
	order []string
	floor time.Duration
}

// counts are those that were used of a nonce: the highest, and which of those before it.
type counts struct {
	highest uint32
	before  uint64
}

// NewNonces makes nonces with a key that nobody can guess.
func NewNonces(key []byte) *Nonces { return &Nonces{key: key, used: map[string]*counts{}, floor: -1} }

const nonceBytes, macBytes = 16, 16 // the time and a serial number; the MAC

// New makes a nonce at a time, of which only differences matter.
func (n *Nonces) New(now time.Duration) string {
	n.serial++
	nonce := binary.BigEndian.AppendUint64(nil, uint64(now))
	nonce = binary.BigEndian.AppendUint64(nonce, n.serial)
	return hex.EncodeToString(n.sign(nonce))
}

// sign appends the MAC.
func (n *Nonces) sign(nonce []byte) []byte {
	mac := hmac.New(sha256.New, n.key)
	mac.Write(nonce[:nonceBytes])
	return mac.Sum(nonce[:nonceBytes])[:nonceBytes+macBytes]
}

// made is when a nonce was made. It is false if it is not one of these.
func (n *Nonces) made(nonce string) (time.Duration, bool) {
	var given [nonceBytes + macBytes]byte
	if len(nonce) != 2*len(given) {
		return 0, false
	}
	if _, err := hex.Decode(given[:], []byte(nonce)); err != nil {
		return 0, false
	}
	right := n.sign(append(make([]byte, 0, nonceBytes+sha256.Size), given[:nonceBytes]...))
	return time.Duration(binary.BigEndian.Uint64(given[:])), hmac.Equal(right, given[:])
}

// Valid reports whether a digest is over a nonce that is taken at a time. If not, the client is to be given another one, and
// need not ask for the password again: after a restart all nonces are unknown.
func (n *Nonces) Valid(c *Credentials, now time.Duration) bool {
	made, ok := n.made(c.nonce)
	return ok && now-made < NonceTime && made > n.floor
}

// Use notes that a digest with the right password has come, and reports whether it was not used before, as far as it has a
// count. Valid has said that its nonce is taken.
func (n *Nonces) Use(c *Credentials, now time.Duration) bool {
	count, has := c.Count()
	if !has {
		return true
	}
	u := n.used[c.nonce]
	if u == nil {
		if !n.Valid(c, now) { // it may have been forgotten
			return false
		}
		n.forget(now)
		u = &counts{}
		n.used[c.nonce] = u
		n.order = append(n.order, c.nonce)
	}
	return u.use(count)
}

// use reports whether a count was not used yet, and notes it.
func (u *counts) use(count uint32) bool {
	switch {
	case count == 0:
		return false
	case count > u.highest:
		if ahead := count - u.highest; ahead > window {
			u.before = 0
		} else {
			u.before = u.before<<ahead | 1<<(ahead-1)
		}
		if u.highest == 0 {
			u.before = 0
		}
		u.highest = count
		return true
	}
	behind := u.highest - count
	if behind == 0 || behind > window || u.before&(1<<(behind-1)) != 0 {
		return false
	}
	u.before |= 1 << (behind - 1)
	return true
}

// forget forgets nonces that are too old, and makes room for one more.
func (n *Nonces) forget(now time.Duration) {
	for len(n.order) > 0 {
		made, _ := n.made(n.order[0])
		isOld := now-made >= NonceTime
		if !isOld && len(n.order) < maxUsed {
			return
		}
		if !isOld {
			n.floor = max(n.floor, made)
		}
		delete(n.used, n.order[0])
		n.order = n.order[1:]
	}
}
