package attack

import (
	"bufio"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// userName is the viewers' user, where they need one.
const userName = "viewer"

// newUser makes a password, and what proves it when joining.
func newUser(t *testing.T) (proof target) {
	t.Helper()
	proof.password = rand.Text()
	var err error
	if proof.joinKey, err = join.NewKey(userName, proof.password); err != nil {
		t.Fatal(err)
	}
	return proof
}

// usersFile has the daemon's program make a file for --auth.
func usersFile(t *testing.T, path, password string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "users")
	cmd := exec.Command(path, "passwd", "--file", file, userName)
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// digest is the header that proves a password by the last nonce (RFC 2069, which players use).
func (c *client) digest(method, url, password string) string {
	sum := func(text string) string {
		hash := md5.Sum([]byte(text))
		return hex.EncodeToString(hash[:])
	}
	response := sum(sum(userName+":camcast:"+password) + ":" + c.nonce + ":" + sum(method+":"+url))
	return fmt.Sprintf(`Authorization: Digest username="%s", realm="camcast", nonce="%s", uri="%s", response="%s"`, userName, c.nonce, url, response)
}

// TestWrongPasswords guesses passwords from one address: 10000 times a second by requests to join,
// and as often as it can on RTSP connections, of which eight are open at a time.
func TestWrongPasswords(t *testing.T) {
	newHall(t, surroundings{passwords: true}).judge(func(t *testing.T, s *strike) {
		guesser := netip.AddrFrom4([4]byte{127, 70, 0, 1})
		s.guessJoins(t, guesser, load(10_000))
		for range 8 {
			s.all.Go(func() {
				for s.pause(10 * time.Millisecond) {
					s.connect(guesser, guessOnConnection)
				}
			})
		}
	})
}

// guessJoins asks to join with wrong proofs, at a rate in a second. Its cookie stays valid.
func (s *strike) guessJoins(t *testing.T, from netip.Addr, rate int) {
	t.Helper()
	first, socket := cookieFor(t, s.daemon, from)
	var cookie atomic.Pointer[join.Cookie]
	cookie.Store(&first)
	s.all.Go(func() {
		for p := make([]byte, 2048); ; {
			n, _, err := socket.ReadFromUDPAddrPort(p)
			if err != nil {
				return
			}
			answer, err := join.ParseAnswer(p[:n])
			switch {
			case err == nil && answer.Challenge != nil:
				cookie.Store(answer.Challenge)
			case err != nil || answer.Accepted != nil:
				s.fault(fmt.Errorf("a wrong proof is answered by %+v, %v", answer, err))
			}
		}
	})
	s.all.Go(func() {
		defer socket.Close()
		began := time.Now()
		for sent := 0; s.pause(2 * time.Millisecond); {
			for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
				request := join.Request{SSRC: 5, Nonce: join.Nonce{9}, Cookie: *cookie.Load(), Stream: []byte("cam"), User: []byte(userName)}
				request.Prove(join.Key{byte(sent), byte(sent >> 8)})
				p := join.AppendRequest(nil, request)
				if _, err := socket.WriteToUDPAddrPort(p, s.to.rtp); err == nil {
					s.sent.Add(1)
					s.bytes.Add(uint64(len(p)))
				}
			}
		}
	})
}

// guessOnConnection asks for a nonce, and guesses until the daemon closes the connection.
func guessOnConnection(c *connection) error {
	s := c.strike
	viewer := &client{conn: c, in: bufio.NewReader(c), nonce: "0"}
	if err := c.write(describe(s.to)); err != nil {
		return err
	}
	if s.attacks() { // else nothing is answered
		if _, err := viewer.answer(); err != nil {
			return err
		}
	}
	url := s.to.url("cam")
	for range 8 {
		digest := viewer.digest("DESCRIBE", url, rand.Text())
		if err := c.write(fmt.Appendf(nil, "DESCRIBE %s RTSP/1.0\r\nCSeq: 2\r\n%s\r\n\r\n", url, digest)); err != nil {
			return err
		}
		if !s.attacks() {
			continue
		}
		status, err := viewer.answer()
		if err != nil {
			return err
		}
		if status != 401 && status != 503 {
			s.fault(fmt.Errorf("a wrong password is answered by %d", status))
		}
	}
	return nil
}
