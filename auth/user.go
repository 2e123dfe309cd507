package auth

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/camcast/camcast/cast"
)

// Role is what a user may do.
type Role uint8

const (
	// View: to watch the streams of the user's list.
	View Role = iota + 1
	// Admin: the same, and what only those who run the program may do.
	Admin
)

// String is the role's name, as in the file.
func (r Role) String() string {
	switch r {
	case View:
		return "view"
	case Admin:
		return "admin"
	}
	return "unknown"
}

// ParseRole understands "view" and "admin". The error does not repeat the text, which may be a
// password that was put in the wrong field.
func ParseRole(text string) (Role, error) {
	switch text {
	case "view":
		return View, nil
	case "admin":
		return Admin, nil
	}
	return 0, errors.New("the role must be view or admin")
}

// User is a user of a Gate, a line of the file.
type User struct {
	// Name is the user's: 1 to MaxNameBytes bytes of UTF-8, all of it printable, without ':', without
	// a space at either end, and not beginning with '#'.
	Name string
	// Role is what the user may do.
	Role Role
	// Streams are the names of the streams that the user may watch; none: all of them.
	Streams []string
	// Secret is what is kept of the password (cast.NewSecret).
	Secret cast.Secret
}

// MaxNameBytes is the length of the longest name of a user.
const MaxNameBytes = 128

// CheckName says what is wrong with a user's name, if anything.
func CheckName(name string) error {
	switch {
	case name == "" || len(name) > MaxNameBytes:
		return fmt.Errorf("a user's name must have 1 to %d bytes", MaxNameBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("a user's name must be printable UTF-8")
	case strings.Contains(name, ":"):
		return errors.New("a user's name must not contain ':'")
	case name[0] == '#' || strings.TrimSpace(name) != name:
		return errors.New("a user's name must not begin with '#', and neither begin nor end with a space")
	}
	return nil
}

// Check says what is wrong with the user, if anything.
func (u User) Check() error {
	if err := CheckName(u.Name); err != nil {
		return err
	}
	if u.Role != View && u.Role != Admin {
		return errors.New("the role must be view or admin")
	}
	for _, s := range u.Streams {
		if cast.CheckName(s) != nil {
			return errors.New("the streams must be * or names, separated by commas")
		}
	}
	return nil
}

// MayWatch reports whether a stream is one of the user's.
func (u User) MayWatch(stream string) bool {
	return len(u.Streams) == 0 || slices.Contains(u.Streams, stream)
}

// Line is the user's line of the file, without its end. It holds the secret.
func (u User) Line() string {
	return strings.Join([]string{
		u.Name, u.Role.String(), streamList(u.Streams),
		hex.EncodeToString(u.Secret.HA1MD5[:]), hex.EncodeToString(u.Secret.HA1SHA256[:]), hex.EncodeToString(u.Secret.JoinKey[:]),
	}, ":")
}

// allStreams stands in the file for all streams.
const allStreams = "*"

func streamList(streams []string) string {
	if len(streams) == 0 {
		return allStreams
	}
	return strings.Join(streams, ",")
}

// ParseStreams understands "*", which is no list, and names separated by commas.
func ParseStreams(text string) ([]string, error) {
	if text == allStreams {
		return nil, nil
	}
	u := User{Name: "x", Role: View, Streams: strings.Split(text, ",")}
	return u.Streams, u.Check()
}

// parseUser understands a line of the file. The error repeats no field but the name: the others
// may be secrets in the wrong order.
func parseUser(line string) (u User, err error) {
	fields := strings.Split(line, ":")
	if len(fields) != 6 {
		return u, fmt.Errorf("%d fields, but there must be 6: NAME:view|admin:STREAMS|*:HA1-MD5:HA1-SHA256:JOINKEY", len(fields))
	}
	u.Name = fields[0]
	if err := CheckName(u.Name); err != nil {
		return u, err
	}
	if u.Role, err = ParseRole(fields[1]); err != nil {
		return u, err
	}
	if u.Streams, err = ParseStreams(fields[2]); err != nil {
		return u, err
	}
	for _, h := range []struct {
		name, text string
		to         []byte
	}{
		{"HA1-MD5", fields[3], u.Secret.HA1MD5[:]},
		{"HA1-SHA256", fields[4], u.Secret.HA1SHA256[:]},
		{"JOINKEY", fields[5], u.Secret.JoinKey[:]},
	} {
		if len(h.text) != 2*len(h.to) {
			return u, fmt.Errorf("%s has %d characters, but must have %d hexadecimal digits", h.name, len(h.text), 2*len(h.to))
		}
		if _, err := hex.Decode(h.to, []byte(h.text)); err != nil {
			return u, fmt.Errorf("%s must be hexadecimal digits", h.name)
		}
	}
	return u, nil
}
