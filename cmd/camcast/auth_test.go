package main

import (
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
)

// userLine is the line of a user, and secrets the parts of it that must not be logged.
func userLine(t *testing.T, name, password string, streams ...string) (line string, secrets []string) {
	t.Helper()
	secret, err := cast.NewSecret(name, password)
	if err != nil {
		t.Fatal(err)
	}
	u := auth.User{Name: name, Role: auth.View, Streams: streams, Secret: secret}
	return u.Line() + "\n", []string{
		password, hex.EncodeToString(secret.HA1MD5[:]), hex.EncodeToString(secret.HA1SHA256[:]), hex.EncodeToString(secret.JoinKey[:]),
	}
}

// annasPassword has what must be escaped in a URL.
const annasPassword = "s3same: @/?"

// writeUsers is a file for --auth: anna may see everything.
func writeUsers(t *testing.T) (file string) {
	t.Helper()
	line, _ := userLine(t, "anna", annasPassword)
	file = filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// urlAs is the daemon's announced URL with a user and a password.
func (d *daemon) urlAs(user, password string) string {
	return strings.Replace(d.url(), "://", "://"+url.UserPassword(user, password).String()+"@", 1)
}

// TestAuth has the daemon read users, and read them again on SIGHUP: a file with a fault changes
// nothing, and no secret is logged.
func TestAuth(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	me, secrets := userLine(t, "me", "correct horse", "cam", "nonesuch")
	you, more := userLine(t, "you", "battery staple")
	secrets = append(secrets, more...)
	write(me, 0o600)
	d := startDaemon(t, "--auth", file, "--log-level", "debug", smallCard)
	if !strings.HasPrefix(d.stdout, "Only users may watch: put USER:PASSWORD@ before the host of these URLs.\n") {
		t.Errorf("announced %q", d.stdout)
	}
	d.awaitLog("the file names streams that are not there", "streams=nonesuch")
	if _, err := newClient(t, d.url(), gortsplib.ProtocolTCP); err == nil {
		t.Error("the stream can be had without a password")
	}
	for _, c := range []struct {
		text string
		mode os.FileMode
		want []string
	}{
		{me + you, 0o600, []string{"SIGHUP: read again", "--auth " + file, "users=2", "readers_ended=0"}},
		{me + you, 0o604, []string{"level=ERROR", "SIGHUP: cannot be read again, and stays as it was", "--auth " + file, "others than its owner"}},
		{me + you[:60], 0o600, []string{"level=ERROR", "stays as it was", file + ":2", "HA1-SHA256"}},
		{me + "#" + you + me, 0o600, []string{"level=ERROR", "stays as it was", file + ":3", "is in line 1, too"}},
		{"# nobody\n", 0o600, []string{"nobody can watch"}},
		{you, 0o600, []string{"SIGHUP: read again", "users=1"}},
	} {
		write(c.text, c.mode)
		if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		d.awaitLog(c.want...)
	}
	d.stop()
	log := d.stdout + d.stderr.String()
	for _, secret := range secrets {
		for _, part := range []string{secret, secret[:8]} {
			if strings.Contains(log, part) {
				t.Errorf("the log has %s in it:\n%s", part, log)
			}
		}
	}
}

// TestRemovedUser has a user be removed who watches: the viewer is ended, and cannot come back.
func TestRemovedUser(t *testing.T) {
	file := writeUsers(t)
	d := startDaemon(t, "--auth", file, smallCard)
	c, err := newClient(t, d.urlAs("anna", annasPassword), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	c.consecutive(3)
	if err := os.WriteFile(file, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.awaitLog("reader left", "user=anna", `reason="user removed"`)
	d.awaitLog("SIGHUP: read again", "users=0", "readers_ended=1")
	if _, err := newClient(t, d.urlAs("anna", annasPassword), gortsplib.ProtocolTCP); err == nil {
		t.Error("a user who was removed is admitted")
	}
}
