//go:build browser

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// firefox is a headless one, spoken to by Marionette.
type firefox struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	sent int
}

// firefoxPrefs have it speak with nobody but the tests.
var firefoxPrefs = map[string]any{
	"browser.shell.checkDefaultBrowser": false, "datareporting.policy.dataSubmissionEnabled": false, "app.update.enabled": false,
	"app.normandy.enabled": false, "browser.startup.page": 0, "browser.aboutwelcome.enabled": false, "network.captive-portal-service.enabled": false,
	"network.connectivity-service.enabled": false, "services.settings.server": "http://127.0.0.1:9/", "media.gmp-manager.updateEnabled": false,
	"browser.safebrowsing.malware.enabled": false, "browser.safebrowsing.phishing.enabled": false, "extensions.systemAddon.update.enabled": false,
}

// newFirefox starts one, with further preferences: each a name and a value.
func newFirefox(t *testing.T, more ...any) *firefox {
	t.Helper()
	folder := t.TempDir()
	prefs := ""
	set := func(name, value any) {
		p, _ := json.Marshal(value)
		prefs += fmt.Sprintf("user_pref(%q, %s);\n", name, p)
	}
	set("marionette.port", 0) // a free one
	for name, value := range firefoxPrefs {
		set(name, value)
	}
	for i := 0; i < len(more); i += 2 {
		set(more[i], more[i+1])
	}
	if err := os.WriteFile(filepath.Join(folder, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("firefox-esr", "--headless", "--marionette", "--no-remote", "--remote-allow-system-access", "--profile", folder, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	b := &firefox{t: t}
	b.dial(output)
	b.call("WebDriver:NewSession", map[string]any{"acceptInsecureCerts": true}, nil)
	b.call("WebDriver:SetTimeouts", map[string]any{"script": (*browserTime + time.Minute).Milliseconds(), "pageLoad": 30_000}, nil)
	return b
}

// dial connects when Firefox has said where it listens.
func (b *firefox) dial(output io.Reader) {
	b.t.Helper()
	lines := bufio.NewScanner(output)
	port := ""
	for port == "" && lines.Scan() {
		if _, p, ok := strings.Cut(lines.Text(), "Listening on port "); ok {
			port = strings.TrimSpace(p)
		}
	}
	go io.Copy(io.Discard, output)
	if port == "" {
		b.t.Fatal("Firefox does not listen")
	}
	var err error
	if b.conn, err = net.Dial("tcp", "127.0.0.1:"+port); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = b.conn.Close() })
	_ = b.conn.SetDeadline(time.Now().Add(*browserTime + 3*time.Minute))
	b.in = bufio.NewReader(b.conn)
	b.read() // its greeting
}

// read reads a message: its length, a colon, and JSON.
func (b *firefox) read() (message []byte) {
	b.t.Helper()
	length, err := b.in.ReadString(':')
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		b.t.Fatal(err)
	}
	message = make([]byte, n)
	if _, err := io.ReadFull(b.in, message); err != nil {
		b.t.Fatal(err)
	}
	return message
}

// call has Firefox do a command.
func (b *firefox) call(command string, parameters map[string]any, into any) {
	b.t.Helper()
	b.sent++
	message, err := json.Marshal([]any{0, b.sent, command, parameters})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.conn, "%d:%s", len(message), message); err != nil {
		b.t.Fatal(err)
	}
	var answer [4]json.RawMessage
	unmarshal(b.t, b.read(), &answer)
	if string(answer[2]) != "null" {
		b.t.Fatalf("%s: %.500s", command, answer[2])
	}
	var value struct{ Value json.RawMessage }
	if into != nil {
		unmarshal(b.t, answer[3], &value)
		unmarshal(b.t, value.Value, into)
	}
}

func (b *firefox) Open(url string) {
	b.call("WebDriver:Navigate", map[string]any{"url": url}, nil)
}

// Size sets the window's size, of which the browser's own parts are some.
func (b *firefox) Size(width, height int) {
	b.call("WebDriver:SetWindowRect", map[string]any{"width": width, "height": height + 85}, nil)
}

func (b *firefox) Dark(isDark bool) {
	scheme := 1
	if isDark {
		scheme = 0
	}
	b.call("Marionette:SetContext", map[string]any{"value": "chrome"}, nil)
	b.call("WebDriver:ExecuteScript", map[string]any{"script": fmt.Sprintf(`Services.prefs.setIntPref("layout.css.prefers-color-scheme.content-override", %d)`, scheme), "args": []any{}}, nil)
	b.call("Marionette:SetContext", map[string]any{"value": "content"}, nil)
}

func (b *firefox) Eval(body string, into any) {
	b.t.Helper()
	script := `const done = arguments[arguments.length - 1]; (async () => {` + body + `})().then(v => done([v]), e => done("" + e))`
	var result json.RawMessage
	b.call("WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": []any{}, "sandbox": nil}, &result)
	if result[0] != '[' {
		b.t.Fatalf("%s", result)
	}
	unmarshal(b.t, result[1:len(result)-1], into)
}

func (b *firefox) Screenshot() (png []byte) {
	b.call("WebDriver:TakeScreenshot", map[string]any{"full": false, "hash": false}, &png)
	return png
}

// TestPageInFirefox has Firefox show the page, over TLS. It has no H.264 for WebRTC.
func TestPageInFirefox(t *testing.T) {
	_, flags := writeCertificate(t)
	flags[1] = "off" // --rtsps
	testPage(t, "firefox", newFirefox(t), "--https", flags...)
}
