package join_test

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/join"
)

// TestFormats has streams with and without a format come through the list and the acceptance.
func TestFormats(t *testing.T) {
	streams := []join.Stream{
		{Name: "jpeg", PayloadType: 26, ClockHz: 90000},
		{Name: "h264", PayloadType: 96, ClockHz: 90000, Encoding: "H264"},
		{Name: "h265", PayloadType: 96, ClockHz: 90000, Encoding: "H265"},
	}
	list := join.Request{List: true}
	a, err := join.ParseAnswer(join.AppendStreams(nil, &list, len(streams), func(i int) join.Stream { return streams[i] }))
	if err != nil || len(a.Streams.Streams) != len(streams) {
		t.Fatalf("%+v, %v", a, err)
	}
	for i, s := range a.Streams.Streams {
		if s != streams[i] {
			t.Errorf("%+v, want %+v", s, streams[i])
		}
	}
	for _, length := range []int{0, 100, 1100, 1200, 70_000} { // from 1147 on they do not fit
		sent := join.Acceptance{Stream: streams[1], FormatParameters: strings.Repeat("p", length)}
		message := join.AppendAcceptance(nil, &ask, &sent)
		a, err := join.ParseAnswer(message)
		if length > 1146 {
			sent.FormatParameters = ""
		}
		if err != nil || *a.Accepted != sent || len(message) > join.MaxMessageBytes {
			t.Errorf("parameters of %d bytes, a message of %d: %+v, %v", length, len(message), a.Accepted, err)
		}
	}
}

// TestCutFormat cuts an acceptance anywhere in its format: it is one without a format.
func TestCutFormat(t *testing.T) {
	sent := join.Acceptance{Stream: join.Stream{Name: "cam", PayloadType: 96, Encoding: "H264"}, FormatParameters: "packetization-mode=1"}
	whole := join.AppendAcceptance(nil, &ask, &sent)
	for words := len(whole)/4 - 1; words >= 12; words-- {
		cut := append([]byte(nil), whole[:4*words]...)
		cut[3] = byte(words - 1)
		a, err := join.ParseAnswer(cut)
		if err != nil || a.Accepted.Stream.Encoding != "" && a.Accepted.FormatParameters != "" {
			t.Errorf("%d words: %+v, %v", words, a.Accepted, err)
		}
	}
}

// TestFullListOfFormats has as many streams as do not fit into a message, with formats.
func TestFullListOfFormats(t *testing.T) {
	list := join.Request{List: true}
	stream := join.Stream{Name: strings.Repeat("n", 70), PayloadType: 96, Encoding: "H264"}
	message := join.AppendStreams(nil, &list, 30, func(int) join.Stream { return stream })
	a, err := join.ParseAnswer(message)
	if err != nil || len(message) > join.MaxMessageBytes || len(a.Streams.Streams) != 12 || a.Streams.Streams[11] != stream {
		t.Errorf("%d bytes: %+v, %v", len(message), a.Streams, err)
	}
}
