package cast_test

import (
	"encoding/hex"
	"testing"

	"github.com/camcast/camcast/cast"
)

// TestNewSecret compares what is kept of a password with what Python's hashlib makes of it.
func TestNewSecret(t *testing.T) {
	s, err := cast.NewSecret("me", "open: sesame")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"HA1MD5", s.HA1MD5[:], "8df85e363da26927b204af5c8a25f54b"},
		{"HA1SHA256", s.HA1SHA256[:], "0cf89ce0c0bd007bd2c6d151a401b62b3e5051ccf5217ead4c570d0d055fea17"},
		{"JoinKey", s.JoinKey[:], "1a3dae3a494be7c797b90b2d6d082e2e51e63c795004f2f8de5c827a1b8880b1"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
	}
}
