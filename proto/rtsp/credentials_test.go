package rtsp

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
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

// TestDigestsOfRFC7616 computes the examples of section 3.9.1.
func TestDigestsOfRFC7616(t *testing.T) {
	md5Sum, shaSum := hashes("Mufasa", "http-auth@example.org", "Circle of Life")
	for algorithm, response := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		text := `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ` +
			`qop=auth, response="` + response + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		c, ok := parseCredentials(text, "GET")
		if !ok || c.User() != "Mufasa" || !c.Verify(md5Sum, shaSum) {
			t.Errorf("%s: %+v, %v", algorithm, c, ok)
		}
		if other, _ := parseCredentials(text, "PUT"); other.Verify(md5Sum, shaSum) {
			t.Errorf("%s: taken for another method", algorithm)
		}
		md5Sum[0]++ // one of the hashes is wrong: the digest is over the other one
		shaSum[31]++
		if c.Verify(md5Sum, shaSum) {
			t.Errorf("%s: taken with another password", algorithm)
		}
		md5Sum[0]--
		shaSum[31]--
	}
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
		given, ok := parseCredentials(request.Header["Authorization"][0], "DESCRIBE")
		if given != nil {
			given.realm = realm
		}
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
			for i := range maxParams {
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

// TestNoncesOfOthers has a digest that was right on one connection come on another one.
func TestNoncesOfOthers(t *testing.T) {
	m, s := newGuarded()
	first, second := s.Accept(alice, server), s.Accept(alice, server)
	header := as("DESCRIBE", camURL, challenged(t, first))
	want(t, ask(t, first, 0, describeCam, "CSeq: 2", header), StatusOK)
	m.asked = 0
	r := ask(t, second, 0, describeCam, "CSeq: 1", header)
	want(t, r, StatusUnauthorized)
	if m.asked > 0 || !strings.Contains(r.Header["WWW-Authenticate"][1], `nonce="nonce-00000002", stale=true, `) {
		t.Errorf("asked %d times, %q", m.asked, r.Header)
	}
	want(t, ask(t, second, 0, describeCam, "CSeq: 2", as("DESCRIBE", camURL, "nonce-00000002")), StatusOK)
}

// TestNonceExpires: an old one is replaced, which is no failure.
func TestNonceExpires(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	header := as("DESCRIBE", camURL, challenged(t, c))
	want(t, ask(t, c, NonceTime-1, describeCam, "CSeq: 2", header), StatusOK)
	for range 2 * MaxFailures {
		r := ask(t, c, NonceTime, describeCam, "CSeq: 3", header)
		want(t, r, StatusUnauthorized)
		for _, challenge := range r.Header["WWW-Authenticate"] {
			if !strings.HasPrefix(challenge, `Digest realm="camcast", nonce="nonce-00000002", stale=true, `) {
				t.Errorf("challenged by %q", challenge)
			}
		}
	}
	want(t, ask(t, c, NonceTime, describeCam, "CSeq: 4", as("DESCRIBE", camURL, "nonce-00000002")), StatusOK)
}

// TestCountsGrow: a request that was sent before is not taken again, whatever it is for.
func TestCountsGrow(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	first := as("DESCRIBE", camURL, nonce, counted(3))
	want(t, ask(t, c, 0, describeCam, "CSeq: 2", first), StatusOK)
	for _, again := range []string{first, as("DESCRIBE", camURL, nonce, counted(2))} {
		r := ask(t, c, 0, describeCam, "CSeq: 3", again)
		want(t, r, StatusUnauthorized)
		if !strings.Contains(r.Header["WWW-Authenticate"][0], "stale=true") {
			t.Errorf("refused by %q", r.Header)
		}
	}
	_, s = newGuarded()
	c = s.Accept(alice, server)
	nonce = challenged(t, c)
	for _, count := range []int{1, 2, 0x10, 0x7fffffff} {
		want(t, ask(t, c, 0, describeCam, "CSeq: 4", as("DESCRIBE", camURL, nonce, counted(count))), StatusOK)
	}
}

// TestCountsOfWaitingRequests has a request wait for its answer, and be offered several transports: its count is looked at
// once.
func TestCountsOfWaitingRequests(t *testing.T) {
	m, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	waits := 2
	m.later = func() bool { waits--; return waits >= 0 }
	out, err := c.Receive(0, []byte(crlf(describeCam, "CSeq: 2", as("DESCRIBE", camURL, nonce, counted(1)))), nil)
	before := c.Request()
	for err == nil && c.Waiting() {
		out, err = c.Resume(0, out)
	}
	if all := responses(t, out); err != nil || len(all) != 1 || all[0].StatusCode != base.StatusOK || m.asked != 4 || c.Request() != before {
		t.Errorf("%q, %v, asked %d times; request %d was %d", out, err, m.asked, c.Request(), before)
	}
	m.setup = func(tr Transport) Answer {
		if tr.Protocol == UDP {
			return Answer{Status: StatusUnsupportedTransport}
		}
		return OK
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", udpOffer+",RTP/AVP/TCP;unicast;interleaved=0-1",
		as("SETUP", camTrack, nonce, counted(2))), StatusOK)
}

// TestFailuresCloseTheConnection: the last one is answered. Requests without credentials do not count.
func TestFailuresCloseTheConnection(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	for i := range MaxFailures {
		want(t, ask(t, c, 0, describeCam, "CSeq: 1"), StatusUnauthorized, "Connection:")
		out, err := c.Receive(0, []byte(crlf(describeCam, "CSeq: 2", as("DESCRIBE", camURL, nonce, wrongPassword))), nil)
		all := responses(t, out)
		if len(all) != 1 {
			t.Fatalf("failure %d is answered by %q", i, out)
		}
		last := i == MaxFailures-1
		if want(t, all[0], StatusUnauthorized); last != errors.Is(err, ErrCredentials) || last != (all[0].Header["Connection"] != nil) {
			t.Errorf("failure %d: %v, %q", i, err, out)
		}
	}
	if _, err := c.Receive(0, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSessionsNeedNoPassword: what names a session is its client's.
func TestSessionsNeedNoPassword(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	r := ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", udpOffer, as("SETUP", camTrack, nonce))
	want(t, r, StatusOK)
	id, _, _ := strings.Cut(r.Header["Session"][0], ";")
	other := s.Accept(alice, server)
	for _, method := range []string{"PLAY", "GET_PARAMETER", "PAUSE", "OPTIONS", "TEARDOWN"} {
		want(t, ask(t, other, 0, method+" "+camURL+" RTSP/1.0", "CSeq: 3", "Session: "+id, as(method, camURL, "old", wrongPassword)), StatusOK)
	}
}

// TestNoRealm: what comes is not looked at.
func TestNoRealm(t *testing.T) {
	m, s := newStage(Config{})
	m.describe = Answer{Status: StatusUnauthorized}
	c := s.Accept(alice, server)
	for range 2 * MaxFailures {
		want(t, ask(t, c, 0, describeCam, "CSeq: 1", "Authorization: nonsense"), StatusUnauthorized, "WWW-Authenticate:")
	}
}

// FuzzAuthorization reads headers: what is understood means the same when it is written again, proves nothing by chance, and
// is true with the right response.
func FuzzAuthorization(f *testing.F) {
	ha1, ha1SHA256 := hashes(user, realm, password)
	f.Fuzz(func(t *testing.T, value, method string) {
		c, ok := parseCredentials(value, method)
		if !ok {
			return
		}
		if c.basic {
			again, ok := parseCredentials(basic(c.user, c.password)[len("Authorization: "):], method)
			if !ok || !reflect.DeepEqual(again, c) {
				t.Fatalf("%+v is read again as %+v", c, again)
			}
			c.realm = realm
			if right := c.user == user && c.password == password; right != c.Verify(ha1, ha1SHA256) {
				t.Fatalf("%+v: %v", c, !right)
			}
			return
		}
		if c.Verify(ha1, ha1SHA256) {
			t.Fatalf("%q proves a password that it was not made of", value)
		}
		c.response = c.digest(md5.New(), ha1[:])
		if c.sha256 {
			c.response = c.digest(sha256.New(), ha1SHA256[:])
		}
		if !c.Verify(ha1, ha1SHA256) {
			t.Fatalf("%+v is not taken", c)
		}
		if again, ok := parseCredentials(written(c), method); !ok || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q is read as %+v, %v; want %+v", written(c), again, ok, c)
		}
	})
}

// written is a digest as a header has it.
func written(c *Credentials) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response=%x`, quote(c.user), quote(c.realm), quote(c.nonce), quote(c.uri), c.response)
	if c.sha256 {
		text += ", algorithm=SHA-256"
	}
	if c.nc != "" {
		text += fmt.Sprintf(`, qop="auth", nc=%s, cnonce="%s"`, c.nc, quote(c.cnonce))
	}
	return text
}
