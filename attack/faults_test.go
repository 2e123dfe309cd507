package attack

import (
	"testing"

	"github.com/camcast/camcast/proto/join"
)

// TestOutOfDescriptors opens more connections than the daemon has descriptors for. Those who need
// none, as they join by camcast://, come in meanwhile, and the others when it is over.
func TestOutOfDescriptors(t *testing.T) {
	h := newHall(t, surroundings{files: 100})
	h.comers = ways[1:2]
	h.judge(func(t *testing.T, s *strike) {
		s.connections(300, 5, func(c *connection) error {
			c.drop()
			return nil
		})
	})
	if j := h.join(ways[0], viewerAddress(100)); j.err != nil || j.took > mostJoining {
		t.Errorf("after the attack one who came was sent the stream after %v: %v", j.took, j.err)
	}
}

// TestBlockedStderr has the daemon log much, and nobody read it.
func TestBlockedStderr(t *testing.T) {
	h := newHall(t, surroundings{deaf: true})
	h.judge(func(t *testing.T, s *strike) {
		s.connections(load(500), 10, func(c *connection) error {
			go c.drop()
			return c.write([]byte("this is no request at all\r\n\r\n"))
		})
		cookie, _ := cookieFor(t, s.daemon, address(1, 2))
		refused := join.AppendRequest(nil, join.Request{SSRC: 5, Cookie: cookie, Stream: []byte("cam")})
		s.flood(t, load(5000), 10, s.to.rtp, func(int) []byte { return refused })
	})
}
