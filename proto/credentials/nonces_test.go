package credentials

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"
)

// digest is one of a client that has used a nonce so often; 0: it does not count.
func digest(t testing.TB, nonce string, count uint32) *Credentials {
	t.Helper()
	text := fmt.Sprintf(`Digest username="anna", realm="camcast", nonce="%s", uri="/cam", response="00000000000000000000000000000000"`, nonce)
	if count > 0 {
		text += fmt.Sprintf(`, qop=auth, cnonce="x", nc=%08x`, count)
	}
	c, ok := Parse(text, "GET", realm)
	if !ok {
		t.Fatalf("%s cannot be read", text)
	}
	return c
}

// TestNonces takes nonces until they are too old, and no others.
func TestNonces(t *testing.T) {
	n := NewNonces([]byte("secret"))
	nonce := n.New(time.Hour)
	if other := n.New(time.Hour); other == nonce {
		t.Error("two of the same time are equal")
	}
	c := digest(t, nonce, 1)
	for at, want := range map[time.Duration]bool{0: true, NonceTime - 1: true, NonceTime: false, 100 * NonceTime: false} {
		if got := n.Valid(c, time.Hour+at); got != want {
			t.Errorf("after %v: %v", at, got)
		}
	}
	if NewNonces([]byte("other")).Valid(c, time.Hour) {
		t.Error("one of another key is taken")
	}
	for i := range nonce {
		changed := nonce[:i] + string("10"[min(1, strings.Count(nonce[i:i+1], "1"))]) + nonce[i+1:]
		if changed != nonce && n.Valid(digest(t, changed, 1), time.Hour) {
			t.Errorf("%s is taken", changed)
		}
	}
	for _, foreign := range []string{"x", nonce[:30], nonce + "00", strings.Repeat("z", len(nonce))} {
		if n.Valid(digest(t, foreign, 1), time.Hour) {
			t.Errorf("%s is taken", foreign)
		}
	}
}

// TestCounts takes each count once, in a random order within the window, and compares with a set.
func TestCounts(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	u, taken, highest := counts{}, map[uint32]bool{}, uint32(0)
	for range 20_000 {
		count := uint32(max(0, int(highest)+random.Intn(2*window+20)-window-10-random.Intn(30)))
		want := count > 0 && !taken[count] && (count > highest || highest-count <= window)
		if got := u.use(count); got != want {
			t.Fatalf("count %d after %d: %v", count, highest, got)
		}
		if want {
			taken[count], highest = true, max(highest, count)
		}
	}
}

// TestReplay uses digests again.
func TestReplay(t *testing.T) {
	n := NewNonces([]byte("secret"))
	nonce := n.New(0)
	for _, c := range []struct {
		count uint32
		want  bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {3, false}, {0, true}, {0, true}} {
		if got := n.Use(digest(t, nonce, c.count), 0); got != c.want {
			t.Errorf("count %d: %v", c.count, got)
		}
	}
}

// TestForgotten uses more nonces than are remembered: those that are forgotten are not taken again.
func TestForgotten(t *testing.T) {
	n := NewNonces([]byte("secret"))
	var all []*Credentials
	now := time.Duration(0)
	for range maxUsed + 100 {
		now += time.Millisecond
		c := digest(t, n.New(now), 1)
		if all = append(all, c); !n.Use(c, now) {
			t.Fatal("a new one is not taken")
		}
	}
	for i, c := range all {
		if n.Use(c, now) {
			t.Fatalf("nonce %d is taken again", i)
		}
		if valid := n.Valid(c, now); valid != (i >= 100) {
			t.Fatalf("nonce %d: valid is %v", i, valid)
		}
	}
	if len(n.used) > maxUsed || len(n.used) != len(n.order) {
		t.Errorf("%d are remembered", len(n.used))
	}
	if now += NonceTime; !n.Use(digest(t, n.New(now), 1), now) || len(n.used) != 1 || len(n.order) != 1 {
		t.Errorf("%d are remembered when all are old", len(n.used))
	}
}
