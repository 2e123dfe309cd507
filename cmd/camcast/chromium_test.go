//go:build browser

package main

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is a tab of a headless one, that shares nothing with others.
type chromium struct {
	t   *testing.T
	ctx context.Context
}

// newChromium starts one, with a flag and its value if they are given.
func newChromium(t *testing.T, flag ...string) *chromium {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("autoplay-policy", "document-user-activation-required"))
	if len(flag) == 2 {
		options = append(options, chromedp.Flag(flag[0], flag[1]))
	}
	ctx, stop := chromedp.NewExecAllocator(withTimeout(t), options...)
	t.Cleanup(stop)
	return newTab(t, ctx)
}

func newTab(t *testing.T, ctx context.Context, options ...chromedp.ContextOption) *chromium {
	ctx, end := chromedp.NewContext(ctx, options...)
	t.Cleanup(end)
	return &chromium{t, ctx}
}

// stranger is another tab of the browser, which knows none of its passwords.
func (b *chromium) stranger() *chromium {
	return newTab(b.t, b.ctx, chromedp.WithNewBrowserContext())
}

func (b *chromium) run(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, action); err != nil {
		b.t.Fatal(err)
	}
}

// do is an action that gives nothing.
func do(f func(ctx context.Context, t *chromedp.Target) error) chromedp.Action[chromedp.Void] {
	return chromedp.Func(f)
}

func (b *chromium) Open(url string) { b.run(chromedp.Navigate(url)) }

// inject has a script run in each page before the page's own.
func (b *chromium) inject(script string) {
	b.run(do(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

func (b *chromium) Size(width, height int) {
	b.run(chromedp.EmulateViewport(int64(width), int64(height)))
}

func (b *chromium) Dark(isDark bool) {
	scheme := "light"
	if isDark {
		scheme = "dark"
	}
	b.run(do(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

func (b *chromium) Eval(body string, into any) {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]byte]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	unmarshal(b.t, result, into)
}

func (b *chromium) Screenshot() (png []byte) {
	b.run(do(func(ctx context.Context, t *chromedp.Target) error {
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		png = r.Data
		return err
	}))
	return png
}

// TestPageInChromium has Chromium show the page, without WebRTC.
func TestPageInChromium(t *testing.T) {
	testPage(t, "chromium", newChromium(t), "--http", "--webrtc", "off")
}

// TestPageOfAbsentCamera has the page show a camera that was never there: what is so, no torn picture, and no command that
// needs to know the format.
func TestPageOfAbsentCamera(t *testing.T) {
	b := newChromium(t)
	_, url := startPage(t, "--http", "127.0.0.1:0", "absent=/dev/video99")
	b.Open(url)
	var shown struct {
		Notice  string
		IsTorn  bool
		Players []string
	}
	b.Eval(`for (let i = 0; i < 200 && !document.querySelector(".notice")?.innerText; i++) await new Promise(done => setTimeout(done, 50));
		const images = [...document.querySelectorAll(".tile img")];
		return {Notice: document.querySelector(".notice").innerText, IsTorn: images.some(e => getComputedStyle(e).visibility !== "hidden"),
			Players: [...document.querySelectorAll(".players strong")].map(e => e.textContent)}`, &shown)
	if !strings.HasPrefix(shown.Notice, "No picture comes from the source.") || shown.IsTorn {
		t.Errorf("the page shows %+v", shown)
	}
	if want := []string{"camview, in a terminal", "ffplay", "OpenCV", "curl, one picture"}; !slices.Equal(shown.Players, want) {
		t.Errorf("the players are %q, want %q", shown.Players, want)
	}
}
