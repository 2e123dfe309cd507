package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/proto/credentials"
	"github.com/camcast/camcast/proto/uri"
	"github.com/camcast/camcast/receive"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

const topHead = `camcast top shows the figures of a running camcast's streams: their states, viewers, frames,
ages and loss.

Usage: camcast top [flags] [URL]

URL is where it answers HTTP, http://` + defaultHTTP + ` by default. On a terminal the figures are
renewed until Ctrl-C; elsewhere they are printed once. Where there are users the URL has one, and
the password or a token. Without either camcast top asks for the password, or reads it from stdin
if that is no terminal. The password is not sent: it is proved by a digest.
`

const topTail = `
Exit status: 0; 1 if camcast does not answer; 2 if the command line is wrong.

Examples:
  camcast top
  camcast top http://me@192.168.1.20:8080
  camcast top 'http://192.168.1.20:8080/?token=...'
  camcast top --tls-ca cert.pem https://me@192.168.1.20:8443
`

// topCommand is a call of camcast top.
type topCommand struct {
	console
	every time.Duration
	trust receive.Trust
}

// newTop is the command as its command line shows it.
func newTop(c console) *commandline.Program {
	p := &commandline.Program{Name: "camcast top", Arguments: "[URL]", Brief: "show the figures of a running camcast", Head: topHead, Tail: topTail}
	call := &topCommand{console: c}
	p.Groups = []commandline.Group{commandline.NewGroup("Flags", func(f *pflag.FlagSet) {
		f.DurationVar(&call.every, "interval", time.Second, "`TIME` between two looks, 100ms at least")
		f.StringVar(&call.trust.CA, "tls-ca", "", "of https://, trust a server whose certificate is in this PEM `FILE`, or was issued by one that is (default: the system's authorities)")
		f.StringVar(&call.trust.Fingerprint, "tls-fingerprint", "", "of https://, trust the server whose certificate has this SHA-256 fingerprint, in `HEX`")
		p.AddHelp(f)
	})}
	p.Run = call.run
	return p
}

func (c *topCommand) run(args []string) (status int, err error) {
	at := "http://" + defaultHTTP
	switch len(args) {
	case 0:
	case 1:
		at = args[0]
	default:
		return 0, errors.New("one URL is enough")
	}
	given, err := uri.Parse(at)
	if err != nil || given.Scheme != "http" && given.Scheme != "https" {
		return 0, errors.New("the URL must be one such as http://" + defaultHTTP) // not repeated: it may hold a password
	}
	where, err := url.Parse(given.String())
	if err != nil {
		return 0, errors.New("the URL must be one such as http://" + defaultHTTP)
	}
	if c.every < 100*time.Millisecond {
		return 0, fmt.Errorf("--interval %v: must be at least 100ms", c.every)
	}
	if err := checkTrust(c.trust, where); err != nil {
		return 0, err
	}
	where.Path = "/api/v1/streams"
	asker := &topAsker{client: &http.Client{Timeout: 5 * time.Second}, where: where.String()}
	asker.client.Transport, err = transportTo(where, c.trust)
	if given.HasUser && err == nil {
		if given.Password == "" {
			given.Password, err = c.readPassword(given.User, false)
		}
		asker.prover = credentials.NewProver(given.User, given.Password)
	}
	if err == nil {
		err = c.watch(asker)
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "camcast top: %s\n", commandline.OneLine(err))
		return commandline.ExitFailure, nil
	}
	return commandline.ExitOK, nil
}

// watch prints figures, on a terminal again and again.
func (c *topCommand) watch(asker *topAsker) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	screen, isFile := c.stdout.(interface{ Fd() uintptr })
	again := false
	if isFile {
		_, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
		again = err == nil
	}
	next := time.NewTicker(c.every)
	defer next.Stop()
	for first := true; ; first = false {
		told, err := asker.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (first || !again):
			return err
		}
		text := "the server does not answer\n"
		if err == nil {
			text = told.table()
		}
		if again {
			text = "\x1b[H\x1b[J" + text
		}
		if _, err := io.WriteString(c.stdout, text); err != nil || !again {
			return nil // nobody reads it, or it is done
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// topFigures is what is shown of the API's answer.
type topFigures struct {
	Streams []struct {
		Name         string
		State        string
		Format       string
		Width        int
		Height       int
		Rate         float64 `json:"frames_per_second"`
		Readers      int
		Destinations int
		Frames       uint64
		Delivered    uint64 `json:"frames_delivered"`
		Lags         uint64
		Late         uint64   `json:"frames_late"`
		Loss         *float64 `json:"loss_percent"`
		Ages         struct {
			Encoded *float64
			First   *float64 `json:"first_reader_sent"`
			Last    *float64 `json:"last_reader_sent"`
		} `json:"age_ms"`
	}
}

// maxTopAnswer bounds what a server may answer.
const maxTopAnswer = 4 << 20

// topAsker asks a camcast's API.
type topAsker struct {
	client *http.Client
	where  string
	prover *credentials.Prover // nil: no user was given
}

// ask asks the API. Its errors hold no URL, which may have a token in it.
func (a *topAsker) ask(ctx context.Context) (told topFigures, err error) {
	answer, body, err := a.get(ctx)
	if err == nil && answer.StatusCode == http.StatusUnauthorized && a.prover != nil {
		if err = a.prover.Challenged(answer.Header.Values("WWW-Authenticate")); err == nil {
			answer, body, err = a.get(ctx)
		}
	}
	if err != nil {
		return told, err
	}
	if answer.StatusCode != http.StatusOK {
		var problem struct{ Detail string }
		_ = json.Unmarshal(body, &problem) // another server's answer has none
		if answer.StatusCode == http.StatusUnauthorized && a.prover == nil {
			problem.Detail += " (http://USER@HOST asks for one; a token in the URL stands for it: ?token=TOKEN)"
		}
		return told, fmt.Errorf("%s: %s", answer.Status, problem.Detail)
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return told, errors.New("the answer is not that of a camcast")
	}
	return told, nil
}

// get sends a request, with a proof once the server has wanted one.
func (a *topAsker) get(ctx context.Context) (answer *http.Response, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.where, nil)
	if err != nil {
		return nil, nil, errors.New("not a URL that can be asked")
	}
	if a.prover != nil {
		if proof := a.prover.Authorization(request.Method, request.URL.RequestURI()); proof != "" {
			request.Header.Set("Authorization", proof)
		}
	}
	if answer, err = a.client.Do(request); err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, nil, fmt.Errorf("no answer: %w", receive.ExplainTLS(err, flagFor))
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxTopAnswer))
	return answer, body, err
}

// table is the figures for a person.
func (f topFigures) table() string {
	var b strings.Builder
	const row = "%-16.16s %-9.9s %-6.6s %10s %8s %8s %11s %9s %9s %9s %8s\n"
	fmt.Fprintf(&b, row, "STREAM", "STATE", "FORMAT", "SIZE", "FRAMES/S", "VIEWERS", "DELIVERED", "LAGS", "AGE 1ST", "AGE LAST", "LOSS")
	for _, s := range f.Streams {
		fmt.Fprintf(&b, row, printable(s.Name), printable(s.State), printable(s.Format), sizeOf(s.Width, s.Height), fmt.Sprintf("%.1f", s.Rate),
			fmt.Sprint(s.Readers+s.Destinations), fmt.Sprint(s.Delivered), fmt.Sprint(s.Lags), orDash(s.Ages.First, "%.1f ms"), orDash(s.Ages.Last, "%.1f ms"), orDash(s.Loss, "%.1f %%"))
	}
	return b.String()
}

// sizeOf is a picture's size, "-" before the first one is known.
func sizeOf(width, height int) string {
	if width == 0 {
		return "-"
	}
	return fmt.Sprintf("%dx%d", width, height)
}

// orDash is a number, or "-" where there is none.
func orDash(n *float64, format string) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf(format, *n)
}
