package auth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
)

// The three secrets of a line, of which no error may repeat a part.
var (
	someMD5 = strings.Repeat("1f", 16)
	someSHA = strings.Repeat("2e", 32)
	someKey = strings.Repeat("3d", 32)
)

// line makes a line of a file.
func line(name, role, streams string) string {
	return strings.Join([]string{name, role, streams, someMD5, someSHA, someKey}, ":")
}

// TestParse reads a file as people write it.
func TestParse(t *testing.T) {
	text := "# who may watch\n\n" + line("me", "admin", "*") + "\n" + line("größe 1", "view", "cam,cam2") + "\r\n#" + line("off", "view", "*") +
		"\n" + strings.ToUpper(line("BIG", "", ""))[:4] + "view:*:" + strings.ToUpper(someMD5+":"+someSHA+":"+someKey)
	users, err := auth.Parse("users", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var secret cast.Secret
	for i := range secret.HA1MD5 {
		secret.HA1MD5[i] = 0x1f
	}
	for i := range secret.HA1SHA256 {
		secret.HA1SHA256[i], secret.JoinKey[i] = 0x2e, 0x3d
	}
	want := []auth.User{
		{Name: "me", Role: auth.Admin, Secret: secret},
		{Name: "größe 1", Role: auth.View, Streams: []string{"cam", "cam2"}, Secret: secret},
		{Name: "BIG", Role: auth.View, Secret: secret},
	}
	equal := func(a, b auth.User) bool {
		return a.Name == b.Name && a.Role == b.Role && slices.Equal(a.Streams, b.Streams) && a.Secret == b.Secret
	}
	if got := slices.Collect(users.All()); !slices.EqualFunc(got, want, equal) || users.Len() != 3 {
		t.Errorf("%v, want %v", got, want)
	}
	for _, u := range want {
		if found, ok := users.Find(u.Name); !ok || !equal(found, u) {
			t.Errorf("%q is %v, %v", u.Name, found, ok)
		}
		if again, err := auth.Parse("users", []byte(u.Line())); err != nil || !equal(slices.Collect(again.All())[0], u) {
			t.Errorf("%q is read as another user than it was written: %v", u.Name, err)
		}
	}
	if _, ok := users.Find("off"); ok {
		t.Error("a user in a comment is found")
	}
}

// TestMayWatch has a user watch the streams of the list alone.
func TestMayWatch(t *testing.T) {
	for stream, want := range map[string]bool{"cam": true, "cam2": true, "cam3": false, "": false, "*": false} {
		if got := (auth.User{Streams: []string{"cam", "cam2"}}).MayWatch(stream); got != want {
			t.Errorf("%q: %v", stream, got)
		}
		if !(auth.User{}).MayWatch(stream) {
			t.Errorf("%q may not be watched by one who may watch all", stream)
		}
	}
}

// TestWrongFiles wants one line that names the file and the line, and repeats no secret.
func TestWrongFiles(t *testing.T) {
	good := line("me", "view", "*")
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"a line too short", "me:view:*:" + someMD5, 1, "4 fields, but there must be 6"},
		{"a password instead of the rest", "\nme:s3cret", 2, "2 fields"},
		{"a line too long", good + ":x", 1, "7 fields"},
		{"two of a name", good + "\n# x\n" + line("me", "admin", "cam"), 3, `user "me" is in line 1, too`},
		{"an unknown role", line("me", "root", "*"), 1, "the role must be view or admin"},
		{"a hash as role", line("me", someMD5, "*"), 1, "the role must be view or admin"},
		{"no role", line("me", "", "*"), 1, "the role must be view or admin"},
		{"a role in capitals", line("me", "View", "*"), 1, "the role must be view or admin"},
		{"no stream", line("me", "view", ""), 1, "the streams must be * or names, separated by commas"},
		{"an empty stream", line("me", "view", "a,,b"), 1, "the streams must be"},
		{"a stream with a space", line("me", "view", "a, b"), 1, "the streams must be"},
		{"all streams and one", line("me", "view", "*,b"), 1, "the streams must be"},
		{"no name", line("", "view", "*"), 1, "name must have 1 to 128 bytes"},
		{"a long name", line(strings.Repeat("x", 129), "view", "*"), 1, "name must have 1 to 128 bytes"},
		{"a control character", line("m\x1b[2Je", "view", "*"), 1, "must be printable UTF-8"},
		{"a nul", line("m\x00e", "view", "*"), 1, "must be printable UTF-8"},
		{"no UTF-8", line("m\xffe", "view", "*"), 1, "must be printable UTF-8"},
		{"a byte order mark", "\ufeff" + good, 1, "must be printable UTF-8"},
		{"a space", " " + good, 1, "neither begin nor end with a space"},
		{"a short hash", strings.Replace(good, someMD5, someMD5[:31], 1), 1, "HA1-MD5 has 31 characters, but must have 32 hexadecimal digits"},
		{"a long hash", strings.Replace(good, someSHA, someSHA+"0", 1), 1, "HA1-SHA256 has 65 characters, but must have 64"},
		{"no key", strings.Replace(good, someKey, "", 1), 1, "JOINKEY has 0 characters, but must have 64"},
		{"no hexadecimal digit", strings.Replace(good, someKey, someKey[:63]+"g", 1), 1, "JOINKEY must be hexadecimal digits"},
		{"a space behind", good + " ", 1, "JOINKEY has 65 characters"},
		{"the second of two lines", good + "\nx", 2, "1 fields"},
	} {
		_, err := auth.Parse("/etc/users", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("/etc/users:%d: ", c.line)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want line %d and %q", c.name, err, c.line, c.want)
			continue
		}
		for _, secret := range []string{someMD5[:8], someSHA[:8], someKey[:8], "s3cret", "\n", "\x1b"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: error %q has %q in it", c.name, err, secret)
			}
		}
	}
}

// TestNewUsers refuses what a file could not hold either.
func TestNewUsers(t *testing.T) {
	me := auth.User{Name: "me", Role: auth.View}
	for want, users := range map[string][]auth.User{
		"":                       {me, {Name: "you", Role: auth.Admin, Streams: []string{"cam"}}},
		`there are two users`:    {me, me},
		"the role must be":       {{Name: "me"}},
		"the streams must be":    {{Name: "me", Role: auth.View, Streams: []string{"a:b"}}},
		"must not contain ':'":   {{Name: "m:e", Role: auth.View}},
		"must not begin with":    {{Name: "#me", Role: auth.View}},
		"must be printable UTF-": {{Name: "m\ne", Role: auth.View}},
	} {
		_, err := auth.NewUsers(users...)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestSecretsAreNotPrinted prints a user in every way: no secret is in it.
func TestSecretsAreNotPrinted(t *testing.T) {
	users, err := auth.Parse("users", []byte(line("me", "view", "*")))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := users.Find("me")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		for _, value := range []any{u, &u, u.Secret, &u.Secret, users} {
			text := strings.ToLower(fmt.Sprintf(verb, value))
			for _, secret := range []string{"1f1f", "31 31", "2e2e", "46 46", "3d3d", "61 61", "0x1f", "0x3d"} {
				if strings.Contains(text, secret) {
					t.Errorf("%T by %s: %s", value, verb, text)
				}
			}
		}
	}
}

// FuzzFile has a file be any text: it is refused in one line that can be shown, or its users are
// such as can be written and read again.
func FuzzFile(f *testing.F) {
	f.Add([]byte("# who\n\n" + line("me", "admin", "*") + "\r\n" + line("you", "view", "cam,b")))
	f.Fuzz(func(t *testing.T, text []byte) {
		users, err := auth.Parse("users", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "users:") || strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("%q", err)
			}
			return
		}
		var lines []string
		for u := range users.All() {
			lines = append(lines, u.Line())
		}
		all := slices.Collect(users.All())
		if _, err := auth.NewUsers(all...); err != nil {
			t.Fatal(err)
		}
		again, err := auth.Parse("users", []byte(strings.Join(lines, "\n")))
		if err != nil || again.Len() != len(all) {
			t.Fatalf("%d users are read as %d, %v", len(all), again.Len(), err)
		}
		for i, u := range slices.Collect(again.All()) {
			if u.Line() != lines[i] {
				t.Fatalf("a user is another one when written and read again")
			}
		}
	})
}
