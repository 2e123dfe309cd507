package rtsp

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/proto/credentials"
)

// guarded is a stage that wants the password of anna.
type guarded struct {
	*stage
	asked int
}

const realm, user, password = "camcast", "anna", `open: "sesame"`

func hashes(user, realm, password string) ([md5.Size]byte, [sha256.Size]byte) {
	a1 := []byte(user + ":" + realm + ":" + password)
	return md5.Sum(a1), sha256.Sum256(a1)
}

func (m *guarded) admit(c *Conn) Answer {
	m.asked++
	if m.waits() {
		return Later
	}
	given := c.Credentials()
	if given == nil || given.User() != user || !given.Verify(hashes(user, realm, password)) {
		return Answer{Status: StatusUnauthorized}
	}
	return OK
}

func (m *guarded) Describe(c *Conn, path string) (Description, Answer) {
	if answer := m.admit(c); answer != OK {
		return Description{}, answer
	}
	m.stage.later = nil
	return m.stage.Describe(c, path)
}

func (m *guarded) Setup(c *Conn, s *Session, path string, t Transport) (TransportReply, Answer) {
	if answer := m.admit(c); answer != OK {
		return TransportReply{}, answer
	}
	return m.stage.Setup(c, s, path, t)
}

// newGuarded returns a server with a password. Its nonces are nonce-00000001 and so on.
func newGuarded() (*guarded, *Server) {
	m := &guarded{stage: &stage{only: "cam"}}
	made := 0
	newID := func() string { made++; return fmt.Sprintf("nonce-%08d", made) }
	return m, NewServer(Config{NewID: newID, Realm: realm}, m)
}

// digest writes an Authorization header as a client does that knows the password. A count of 0 is a digest without qop.
type digest struct {
	method, uri, nonce    string
	user, realm, password string
	count                 int
	sha256                bool
}

// as is the digest of a client that does everything right, but for what change does.
func as(method, uri, nonce string, change ...func(*digest)) string {
	d := &digest{method: method, uri: uri, nonce: nonce, user: user, realm: realm, password: password}
	for _, f := range change {
		f(d)
	}
	hash := func(text string) string {
		if d.sha256 {
			sum := sha256.Sum256([]byte(text))
			return hex.EncodeToString(sum[:])
		}
		sum := md5.Sum([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	middle, rest := d.nonce, ""
	if d.count > 0 {
		middle = fmt.Sprintf("%s:%08x:0a4f113b:auth", d.nonce, d.count)
		rest = fmt.Sprintf(`,qop=auth,cnonce="0a4f113b",nc=%08x`, d.count)
	}
	if d.sha256 {
		rest += ",algorithm=SHA-256"
	}
	response := hash(hash(d.user+":"+d.realm+":"+d.password) + ":" + middle + ":" + hash(d.method+":"+d.uri))
	return fmt.Sprintf(`Authorization: Digest username="%s",realm="%s",nonce="%s",uri="%s",response="%s"%s`,
		strings.ReplaceAll(d.user, `"`, `\"`), d.realm, d.nonce, d.uri, response, rest)
}

func counted(n int) func(*digest) { return func(d *digest) { d.count = n } }
func bySHA256(d *digest)          { d.sha256 = true }
func wrongPassword(d *digest)     { d.password += "x" }
func basic(user, pw string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pw))
}

const describeCam = "DESCRIBE " + camURL + " RTSP/1.0"

// challenged has a client ask without credentials, and returns the nonce.
func challenged(t *testing.T, c *Conn) string {
	t.Helper()
	r := ask(t, c, 0, describeCam, "CSeq: 1")
	want(t, r, StatusUnauthorized)
	_, after, _ := strings.Cut(strings.Join(r.Header["WWW-Authenticate"], ""), `nonce="`)
	nonce, _, _ := strings.Cut(after, `"`)
	return nonce
}

// TestChallenges looks at the order, which decides what players take.
func TestChallenges(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	d := `Digest realm="camcast", nonce="nonce-00000001", qop="auth"`
	want(t, ask(t, c, 0, describeCam, "CSeq: 1"), StatusUnauthorized, "WWW-Authenticate: "+d+", algorithm=SHA-256 | "+d, "Connection:")
	c.AllowBasic = true
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", udpOffer), StatusUnauthorized,
		`WWW-Authenticate: Basic realm="camcast" | `+d+", algorithm=SHA-256 | "+d, "CSeq: 2")
	want(t, ask(t, c, 0, "OPTIONS * RTSP/1.0", "CSeq: 3"), StatusOK)
}

// TestOtherImplementation has gortsplib answer each challenge.
func TestOtherImplementation(t *testing.T) {
	for i, name := range []string{"Basic", "SHA-256", "MD5"} {
		_, s := newGuarded()
		c := s.Accept(alice, server)
		c.AllowBasic = true
		refused := ask(t, c, 0, describeCam, "CSeq: 1")
		sender := &auth.Sender{WWWAuth: refused.Header["WWW-Authenticate"][i : i+1], User: user, Pass: "pass"}
		if err := sender.Initialize(); err != nil {
			t.Fatal(err)
		}
		u, err := base.ParseURL(camURL)
		if err != nil {
			t.Fatal(err)
		}
		request := &base.Request{Method: base.Describe, URL: u, Header: base.Header{"CSeq": {"2"}}}
		sender.AddAuthorization(request)
		given, ok := credentials.Parse(request.Header["Authorization"][0], "DESCRIBE", realm)
		if !ok || !given.Verify(hashes(user, realm, "pass")) || given.Verify(hashes(user, realm, "word")) {
			t.Errorf("%s: %q", name, request.Header["Authorization"])
		}
	}
}

// TestCredentialsThatAreTaken are those of the players: with and without a count, by either hash, and over any URL that means
// the stream.
func TestCredentialsThatAreTaken(t *testing.T) {
	setup := "SETUP " + camTrack + " RTSP/1.0"
	for name, header := range map[string]func(nonce string) string{
		"MD5":                  func(n string) string { return as("SETUP", camTrack, n) },
		"MD5, counted":         func(n string) string { return as("SETUP", camTrack, n, counted(1)) },
		"SHA-256":              func(n string) string { return as("SETUP", camTrack, n, bySHA256) },
		"SHA-256, counted":     func(n string) string { return as("SETUP", camTrack, n, bySHA256, counted(9)) },
		"base":                 func(n string) string { return as("SETUP", camURL, n) },
		"base with a slash":    func(n string) string { return as("SETUP", camURL+"/", n) },
		"path":                 func(n string) string { return as("SETUP", "/cam/trackID=0", n) },
		"path of the base":     func(n string) string { return as("SETUP", "/cam", n) },
		"another host":         func(n string) string { return as("SETUP", "rtsp://192.0.2.1/cam/trackID=0", n) },
		"escaped":              func(n string) string { return as("SETUP", "rtsp://cam.example:8554/%63am/trackID=0", n) },
		"scheme in lower case": func(n string) string { return strings.Replace(as("SETUP", camTrack, n), "Digest", "digest", 1) },
		"Basic":                func(string) string { return basic(user, password) },
	} {
		t.Run(name, func(t *testing.T) {
			_, s := newGuarded()
			c := s.Accept(alice, server)
			c.AllowBasic = true
			want(t, ask(t, c, 0, setup, "CSeq: 2", udpOffer, header(challenged(t, c))), StatusOK)
			if c.failures > 0 || c.Credentials() != nil {
				t.Errorf("%d failures; afterwards the credentials are %v", c.failures, c.Credentials())
			}
		})
	}
}

// TestCredentialsThatAreRefused: each counts as a failure, and shows no more than having none.
func TestCredentialsThatAreRefused(t *testing.T) {
	for name, header := range map[string]func(nonce string) string{
		"wrong password":      func(n string) string { return as("DESCRIBE", camURL, n, wrongPassword) },
		"wrong by SHA-256":    func(n string) string { return as("DESCRIBE", camURL, n, wrongPassword, bySHA256) },
		"wrong Basic":         func(string) string { return basic(user, "sesame") },
		"another user":        func(n string) string { return as("DESCRIBE", camURL, n, func(d *digest) { d.user = "otto" }) },
		"another realm":       func(n string) string { return as("DESCRIBE", camURL, n, func(d *digest) { d.realm = "Camcast" }) },
		"another method":      func(n string) string { return as("SETUP", camURL, n) },
		"another stream":      func(n string) string { return as("DESCRIBE", "rtsp://cam.example:8554/two", n) },
		"another stream, /":   func(n string) string { return as("DESCRIBE", "/two", n) },
		"no stream":           func(n string) string { return as("DESCRIBE", "rtsp://cam.example:8554/", n) },
		"the server":          func(n string) string { return as("DESCRIBE", "*", n) },
		"no URL":              func(n string) string { return as("DESCRIBE", "", n) },
		"another nonce":       func(string) string { return as("DESCRIBE", camURL, "nonce-00000007") },
		"no nonce":            func(string) string { return as("DESCRIBE", camURL, "") },
		"half a response":     func(n string) string { s := as("DESCRIBE", camURL, n); return s[:len(s)-17] + `"` },
		"a long response":     func(n string) string { s := as("DESCRIBE", camURL, n); return s[:len(s)-1] + `00"` },
		"an unknown hash":     func(n string) string { return as("DESCRIBE", camURL, n) + ",algorithm=MD5-sess" },
		"an unknown qop":      func(n string) string { return as("DESCRIBE", camURL, n) + `,qop=auth-int,nc=00000001,cnonce="x"` },
		"a qop without count": func(n string) string { return as("DESCRIBE", camURL, n) + `,qop=auth` },
		"a count of a digit":  func(n string) string { return as("DESCRIBE", camURL, n) + `,qop=auth,nc=1,cnonce="x"` },
		"twice a user":        func(n string) string { return as("DESCRIBE", camURL, n) + `,username="anna"` },
		"two headers":         func(n string) string { s := as("DESCRIBE", camURL, n); return s + "\r\n" + s },
		"an open quote":       func(n string) string { return as("DESCRIBE", camURL, n) + `,opaque="x` },
		"too many parameters": func(n string) string {
			s := as("DESCRIBE", camURL, n)
			for i := range 32 {
				s += fmt.Sprintf(",x%d=1", i)
			}
			return s
		},
		"another scheme":   func(string) string { return "Authorization: Bearer abcdef" },
		"Basic, no colon":  func(string) string { return "Authorization: Basic YW5uYQ==" },
		"Basic, no base64": func(string) string { return "Authorization: Basic anna:secret" },
		"nothing":          func(string) string { return "Authorization: " },
	} {
		_, s := newGuarded()
		c := s.Accept(alice, server)
		c.AllowBasic = true
		r := ask(t, c, 0, describeCam, "CSeq: 2", header(challenged(t, c)))
		if Status(r.StatusCode) != StatusUnauthorized || len(r.Header["WWW-Authenticate"]) != 3 || len(r.Body) > 0 {
			t.Errorf("%s: %d, %q", name, r.StatusCode, r.Header)
		}
		if c.failures != 1 {
			t.Errorf("%s: counts as %d failures", name, c.failures)
		}
	}
}

// TestBasicWhereItIsNotAllowed is as good as nothing, even if it is right.
func TestBasicWhereItIsNotAllowed(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	want(t, ask(t, c, 0, describeCam, "CSeq: 1", basic(user, password)), StatusUnauthorized)
	c.AllowBasic = true
	want(t, ask(t, c, 0, describeCam, "CSeq: 2", basic(user, password)), StatusOK)
	c.AllowBasic, c.Secure = false, true
	want(t, ask(t, c, 0, describeCam, "CSeq: 3", basic(user, password)), StatusOK)
}
