package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// run is a broadcast on this machine's kernel.
type run struct {
	t        *testing.T
	loop     *loop.Loop
	b        *cast.Broadcaster
	cam      *cast.Stream
	registry *prometheus.Registry
	url      string
}

func newRun(t *testing.T) *run {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &run{t: t, loop: l, registry: prometheus.NewPedanticRegistry()}
	if w.b, err = cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0"), HTTP: true}); err != nil {
		t.Fatal(err)
	}
	if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.registry.MustRegister(metrics.New(w.b, metrics.Options{DroppedLogLines: func() uint64 { return 3 }}))
	s, err := front.Serve(w.b, netip.MustParseAddrPort("127.0.0.1:0"), front.Options{Metrics: promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{})})
	if err != nil {
		t.Fatal(err)
	}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", s.Port())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		w.do(func() { _ = w.b.Close() })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if all, err := w.registry.Gather(); len(all) != 0 || err != nil {
			t.Errorf("of a loop that has ended there are %d figures, %v", len(all), err)
		}
		_ = l.Close()
	})
	return w
}

func (w *run) do(f func()) {
	w.t.Helper()
	if err := w.loop.Do(context.Background(), f); err != nil {
		w.t.Error(err)
	}
}

// TestKnownRun has ten frames be sent to a reader over UDP and one over HTTP, and an eleventh that is no picture:
// the figures are right to the frame, as Prometheus is given them.
func TestKnownRun(t *testing.T) {
	w := newRun(t)
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	at, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	peer := at.LocalAddr().(*net.UDPAddr).AddrPort()
	publish := func() {
		w.do(func() {
			f := media.Frame{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}, Bytes: picture.Bytes(), Captured: w.loop.Now() - 20*time.Millisecond}
			if err := w.cam.Publish(f); err != nil {
				t.Error(err)
			}
		})
	}
	w.do(func() {
		if _, err := w.cam.Join(cast.Address{RTP: peer, RTCP: peer}, nil); err != nil {
			t.Error(err)
		}
		if err := w.cam.Publish(media.Frame{}); err == nil {
			t.Error("a frame without params is sent")
		}
	})
	publish() // so that the reader over HTTP begins with one
	stream, err := (&http.Client{Timeout: 30 * time.Second}).Get(w.url + "/cam.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	part := make([]byte, len("--camcast\r\n"))
	if _, err := io.ReadFull(stream.Body, part); err != nil {
		t.Fatal(err)
	}
	head, datagram := 0, make([]byte, 2000)
	for i := range 10 {
		if i > 0 {
			publish()
		}
		packet := make([]byte, 0, 4096)
		for !bytes.HasSuffix(packet, []byte("\xff\xd9\r\n--camcast\r\n")) { // the part is whole
			one := make([]byte, 1)
			if _, err := io.ReadFull(stream.Body, one); err != nil {
				t.Fatal(err)
			}
			packet = append(packet, one...)
		}
		head = len(packet)
		for isRTP := false; !isRTP; {
			_ = at.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, err := at.Read(datagram)
			if err != nil {
				t.Fatal(err)
			}
			isRTP = n > 1 && datagram[1]&0x7f == 26 && datagram[1]&0x80 != 0 // the last packet of a JPEG
		}
	}
	if head == 0 {
		t.Fatal("nothing came")
	}
	answer, err := http.Get(w.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`camcast_stream_frames_total{stream="cam"} 10`, `camcast_stream_frames_unusable_total{stream="cam"} 1`,
		`camcast_stream_delivered_frames_total{stream="cam"} 20`, `camcast_stream_lags_total{stream="cam"} 0`,
		`camcast_stream_readers{stream="cam"} 2`, `camcast_sessions{protocol="http",stream="cam",transport="tcp"} 1`,
		`camcast_stream_state{state="live",stream="cam"} 1`, `camcast_stream_state{state="lost",stream="cam"} 0`,
		`camcast_frame_age_seconds_count{stage="encoded",stream="cam"} 10`, `camcast_frame_age_seconds_count{stage="laid_out",stream="cam"} 10`,
		`camcast_frame_age_seconds_count{stage="first_udp",stream="cam"} 10`, `camcast_frame_age_seconds_count{stage="first_tcp",stream="cam"} 10`,
		`camcast_frame_age_seconds_bucket{stage="encoded",stream="cam",le="0.01"} 0`, `camcast_frame_age_seconds_bucket{stage="encoded",stream="cam",le="0.025"} 10`,
		`camcast_frame_age_seconds_sum{stage="encoded",stream="cam"} 0.2`, `camcast_log_dropped_lines_total 3`,
	} {
		if !strings.Contains(string(body), line+"\n") {
			t.Errorf("no line %q in:\n%s", line, body)
		}
	}
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	if strings.Contains(string(body), "127.0.0.1") {
		t.Error("a reader's address is in the figures")
	}
}

// TestDashboard has each figure that the dashboard in docs shows be one that there is.
func TestDashboard(t *testing.T) {
	w := newRun(t)
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all, err := prometheus.Gatherers{w.registry, process}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"camcast_sessions": true} // nobody watches
	for _, f := range all {
		known[f.GetName()] = true
	}
	text, err := os.ReadFile("../docs/grafana.json")
	if err != nil || !json.Valid(text) {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(camcast|process)_[a-z_]+`).FindAllString(string(text), -1)
	if len(names) < 20 {
		t.Errorf("it shows %q", names)
	}
	for _, name := range names {
		if name = strings.TrimSuffix(name, "_bucket"); !known[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
