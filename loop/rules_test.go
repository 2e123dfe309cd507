package loop_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house, which the compiler does not check: which package may import which,
// and in which files there may be goroutines, channels and locks. ARCHITECTURE.md gives the
// reasons.

const module = "github.com/camcast/camcast/"

// rule says what packages may import. A pattern is a folder, or a folder and "/..." for it and
// everything below. The last rule that matches a package counts.
type rule struct {
	packages string
	// own are patterns of packages of this module.
	own []string
	// tests are further ones that only its tests may import.
	tests []string
	// not are packages of the standard library that may not be imported by what is no test.
	not []string
	// modules are the other modules that may be imported by what is no test.
	modules []string
}

// osAndNet have sockets, files and processes. net/netip and net/url have none of them.
var osAndNet = []string{"net", "net/http", "os/...", "syscall"}

const sys = "golang.org/x/sys"

var rules = []rule{
	{packages: "loop/...", own: []string{"loop/..."}, modules: []string{sys}},
	{packages: "loop/histogram", not: osAndNet},
	{packages: "media", not: osAndNet},
	{packages: "logqueue", not: osAndNet},
	{packages: "worker", not: osAndNet},
	{packages: "certificate"},
	// OpenH264's functions, by purego; what it is given and gives are planes of pixels and NAL units.
	{packages: "openh264", not: osAndNet, modules: []string{"github.com/ebitengine/purego"}},
	{packages: "tlsbridge", own: []string{"loop/tcp"}, tests: []string{"loop/...", "certificate"}, modules: []string{sys}},
	{packages: "proto/...", own: []string{"proto/...", "media"}, not: osAndNet,
		modules: []string{"github.com/pion/rtp", "github.com/pion/sdp/v3", "github.com/pion/stun/v3", "github.com/bluenviron/gortsplib/v5/pkg",
			"github.com/bluenviron/mediacommon/v2/pkg/codecs", "github.com/bluenviron/mediacommon/v2/pkg/formats"}},
	// A source knows no other source, and no loop: it is given a capture.Host.
	{packages: "capture/...", own: []string{"capture", "capture/encode", "capture/m2m", "capture/internal/...", "media", "openh264", "proto/jpeg", "proto/mjpeg", "proto/multipart", "proto/flv", "proto/mpegts", "proto/nal", "proto/h264", "proto/h265", "proto/uri", "worker"},
		tests: []string{"capture/capturetest", "cast/secrettest", "loop"}, modules: []string{sys, "golang.org/x/image", "github.com/ebitengine/purego", "github.com/vladimirvivien/go4vl"}},
	// An RTSP camera is on the loop by itself, for its sockets.
	{packages: "capture/rtsp", own: []string{"capture", "media", "loop", "loop/udp", "proto/...", "receive", "tlsbridge", "view"},
		tests: []string{"capture/capturetest", "cast/...", "loop/..."}},
	// A front knows no other front, and nothing of how frames go to many readers.
	{packages: "cast/...", own: []string{"cast", "loop/...", "proto/...", "media"}, tests: []string{"capture", "auth"},
		not: osAndNet, modules: []string{sys}},
	// cast/http is net/http's, which has sockets of its own.
	{packages: "cast/http", own: []string{"cast", "loop/...", "proto/...", "media"}, tests: []string{"capture", "auth", "tlsbridge", "certificate"}, not: []string{"os/...", "syscall"}, modules: []string{sys}},
	// DTLS waits for its peer on goroutines, which read what the loop gives them.
	{packages: "cast/webrtc", own: []string{"cast", "loop/...", "proto/...", "media"}, not: []string{"net/http", "os/...", "syscall"},
		modules: []string{"github.com/pion/dtls/v3", "github.com/pion/logging"}},
	// cast knows no front and no source.
	{packages: "cast", own: []string{"cast/internal/...", "loop/...", "logqueue", "worker", "capture", "proto/...", "media"},
		tests: []string{"cast/...", "auth"}, not: osAndNet, modules: []string{sys}},
	// The inner rooms know no stream and no session.
	{packages: "cast/internal/...", own: []string{"cast/internal/...", "loop/...", "proto/...", "media"}, not: osAndNet},
	{packages: "cast/internal/ring", own: []string{"proto/...", "media"}, not: osAndNet},
	// What fanout and sealfan share knows neither of them.
	{packages: "cast/internal/sending", own: []string{"cast/internal/ring", "loop/..."}, not: osAndNet},
	// auth stands on cast, as a program does that embeds it; it reads files.
	{packages: "auth", own: []string{"cast", "loop"}, tests: []string{"loop/...", "cast/...", "proto/...", "media"}, modules: []string{sys}},
	// Prometheus' client collects on goroutines of its own.
	{packages: "metrics", own: []string{"cast", "capture", "loop/..."}, tests: []string{"cast/...", "media"}, not: osAndNet, modules: []string{"github.com/prometheus/client_golang/prometheus"}},
	{packages: "view", own: []string{"loop/...", "proto/...", "media"}, not: osAndNet},
	// Sessions with servers that send RTP, for camview and for capture/rtsp: TLS and the resolver wait outside the loop.
	{packages: "receive", own: []string{"view", "loop/...", "proto/...", "media", "tlsbridge", "certificate"}, modules: []string{sys}},
	{packages: "clone", own: []string{"loop/..."}, tests: []string{"bench/rig"}, modules: []string{sys, "github.com/cilium/ebpf"}},
}

// outside are the packages that stand on the house. They may import what they like, and no
// package of the house imports them. The virtual machine has the programs of camera tests.
var outside = []string{"attack", "cmd/...", "bench/...", "examples/...", "capture/v4l2/vm/..."}

// waiters are the only files of the house that may have goroutines, channels or locks, wait, or
// ask for the time by themselves, and what each of them has.
var waiters = map[string][]habit{
	// Post, by which other goroutines hand functions over to the loop, and Run's wake-up.
	"loop/post.go": {goroutine, channel, lock},
	// What has to wait for a device or a file runs on a goroutine of its own, what codes pictures on threads.
	"cast/worker.go": {goroutine},
	"cast/coders.go": {goroutine, channel},
	// The log is written by a goroutine: a terminal may be stopped, a pipe full.
	"logqueue/queue.go": {goroutine, channel},
	// Two goroutines carry a connection with TLS, as crypto/tls waits for its peer.
	"tlsbridge/server.go":  {goroutine, lock, clock},
	"tlsbridge/client.go":  {goroutine, clock},
	"tlsbridge/carrier.go": {goroutine, clock},
	"tlsbridge/wire.go":    {lock},
	"tlsbridge/turns.go":   {channel, goroutine, lock, clock},
	// net/http answers requests on goroutines of its own, which wait for what the loop says.
	"cast/http/server.go":   {goroutine, channel},
	"cast/http/listener.go": {channel},
	"cast/http/pace.go":     {channel, lock, clock},
	// A prometheus.Collector hands over what it has by a channel.
	"metrics/metrics.go":  {channel},
	"cast/http/secure.go": {channel},
	// pion/dtls shakes hands on goroutines, which read from a channel.
	"cast/webrtc/dtls.go": {goroutine},
	"cast/webrtc/pipe.go": {channel, lock},
	// Push, by which other goroutines hand frames over to a Feed.
	"capture/feed.go": {lock},
	// The simulated kernel is woken by other goroutines, as the real one is.
	"loop/sim/kernel.go": {channel},
	"loop/sim/poll.go":   {channel},
}

// habit is something that the house does without.
type habit string

const (
	goroutine habit = "a goroutine"
	channel   habit = "a channel"
	lock      habit = "a lock"
	wait      habit = "a wait"
	clock     habit = "a clock"
)

// habits are those of functions and types, by package and name.
var habits = map[string]map[string]habit{
	"time": {"Sleep": wait, "After": wait, "AfterFunc": goroutine, "Tick": wait, "NewTimer": wait, "NewTicker": wait,
		"Now": clock, "Since": clock, "Until": clock},
	"context": {"AfterFunc": goroutine, "WithTimeout": clock, "WithTimeoutCause": clock, "WithDeadline": clock, "WithDeadlineCause": clock},
	"sync":    {"Mutex": lock, "RWMutex": lock, "WaitGroup": lock, "Cond": lock, "NewCond": lock, "Map": lock, "Pool": lock},
	"runtime": {"Gosched": wait},

	sys + "/unix": {"Nanosleep": wait, "ClockNanosleep": wait, "Select": wait, "Pselect": wait},
	"syscall":     {"Nanosleep": wait, "Select": wait},
}

func TestImports(t *testing.T) {
	used := map[string]bool{}
	for _, f := range sourceFiles(t) {
		if matches(outside, f.folder) {
			continue
		}
		r := ruleFor(f.folder)
		if r == nil {
			t.Errorf("%s: no rule says what package %s may import", f.path, f.folder)
			continue
		}
		used[r.packages] = true
		for _, path := range f.imports {
			if fault := r.fault(f, path); fault != "" {
				t.Errorf("%s imports %s: %s", f.path, path, fault)
			}
		}
	}
	for _, r := range rules {
		if !used[r.packages] {
			t.Errorf("there is no package for the rule of %s", r.packages)
		}
	}
}

// ruleFor finds the rule of a package, nil if there is none.
func ruleFor(folder string) (found *rule) {
	for i := range rules {
		if matches([]string{rules[i].packages}, folder) {
			found = &rules[i]
		}
	}
	return found
}

// fault says what is wrong with an import, "" if nothing is.
func (r *rule) fault(f sourceFile, path string) string {
	own, isOwn := strings.CutPrefix(path, module)
	root, _, _ := strings.Cut(path, "/")
	switch {
	case isOwn && forTests(own) && !f.isTest && !forTests(f.folder):
		return "only tests may"
	case isOwn && (matches(r.own, own) || f.isTest && (own == f.folder || matches(r.tests, own))):
	case isOwn:
		return "no arrow runs that way"
	case f.isTest:
	case !strings.Contains(root, "."):
		if matches(r.not, path) || path == "testing" && !forTests(f.folder) {
			return "that is none of its business"
		}
	case !slices.ContainsFunc(r.modules, func(m string) bool { return strings.HasPrefix(path+"/", m+"/") }):
		return fmt.Sprintf("besides this module and the standard library there may be %q", r.modules)
	}
	return ""
}

// forTests reports whether a package is there for tests alone: the simulator, and helpers that
// are named as net/http/httptest is.
func forTests(folder string) bool { return folder == "loop/sim" || strings.HasSuffix(folder, "test") }

// matches reports whether a package is one of the patterns'.
func matches(patterns []string, folder string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, ok := strings.CutSuffix(pattern, "/...")
		return pattern == folder || ok && strings.HasPrefix(folder+"/", tree+"/")
	})
}

func TestNothingWaitsInTheHouse(t *testing.T) {
	has := map[string]map[habit]bool{}
	for _, f := range sourceFiles(t) {
		if f.isTest || matches(outside, f.folder) {
			continue
		}
		has[f.path] = map[habit]bool{}
		f.eachHabit(func(at token.Pos, h habit, what string) {
			has[f.path][h] = true
			if !slices.Contains(waiters[f.path], h) {
				t.Errorf("%v: %s: the house does without %s", f.files.Position(at), what, h)
			}
		})
	}
	for path, habits := range waiters {
		for _, h := range habits {
			if !has[path][h] {
				t.Errorf("%s is listed as one that may have %s, and there is none", path, h)
			}
		}
	}
}

// sourceFile is a Go file of this module.
type sourceFile struct {
	path, folder string // from the root of the module
	isTest       bool
	imports      []string
	files        *token.FileSet
	syntax       *ast.File
}

// sourceFiles are all of them, whatever their build tags.
func sourceFiles(t *testing.T) (files []sourceFile) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (name[0] == '.' || name[0] == '_' || name == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		f := sourceFile{path: path, folder: filepath.Dir(path), isTest: strings.HasSuffix(path, "_test.go"), files: token.NewFileSet()}
		f.syntax, err = parser.ParseFile(f.files, filepath.Join("..", path), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, i := range f.syntax.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			f.imports = append(f.imports, path)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// eachHabit calls found for all in the file that the house does without.
func (f sourceFile) eachHabit(found func(at token.Pos, h habit, what string)) {
	names := map[string]string{} // the packages, by their names in the file
	for i, spec := range f.syntax.Imports {
		path := f.imports[i]
		names[filepath.Base(path)] = path
		if spec.Name != nil {
			names[spec.Name.Name] = path
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found(n.Pos(), goroutine, "go")
		case *ast.ChanType:
			found(n.Pos(), channel, "chan")
		case *ast.SelectStmt:
			found(n.Pos(), channel, "select")
		case *ast.SendStmt:
			found(n.Pos(), channel, "a send")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				found(n.Pos(), channel, "a receive")
			}
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok {
				if h := habits[names[pkg.Name]][n.Sel.Name]; h != "" {
					found(n.Pos(), h, pkg.Name+"."+n.Sel.Name)
				}
			}
		}
		return true
	})
}
