package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// figure is a number of a T.
type figure[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("camcast_"+name, help, labels, nil)
}

func ofStream(name, help string, kind prometheus.ValueType, value func(*streamFigures) float64) figure[streamFigures] {
	return figure[streamFigures]{describe(name, help, "stream"), kind, value}
}

func ofAll(name, help string, kind prometheus.ValueType, value func(*snapshot) float64) figure[snapshot] {
	return figure[snapshot]{describe(name, help), kind, value}
}

// ofStreams are those of each stream, with those who watch its other renditions, as browsers do by WebRTC.
var ofStreams = []figure[streamFigures]{
	ofStream("stream_frames_total", "Frames taken from the source.", counter, func(s *streamFigures) float64 { return float64(s.Frames) }),
	ofStream("stream_frames_missing_total", "Frames that are missing in the source's own count.", counter, func(s *streamFigures) float64 { return float64(s.source.Gaps) }),
	ofStream("stream_frames_broken_total", "Frames that the source flagged as broken.", counter, func(s *streamFigures) float64 { return float64(s.source.Broken) }),
	ofStream("stream_frames_unusable_total", "Frames that were no pictures that can be sent.", counter, func(s *streamFigures) float64 { return float64(s.Unusable) }),
	ofStream("stream_frames_late_total", "Frames that began to be sent more than a frame interval after their capture.", counter, func(s *streamFigures) float64 { return float64(s.Late) }),
	ofStream("stream_frames_transcoded_total", "Frames that had to be encoded anew to be sent.", counter, func(s *streamFigures) float64 { return float64(s.Transcoded) }),
	ofStream("stream_frames_not_encoded_total", "Frames that were skipped as the encoder was busy.", counter, func(s *streamFigures) float64 { return float64(s.NotEncoded) }),
	ofStream("stream_frames_not_transcoded_total", "Frames that were skipped as the transcoder was busy.", counter, func(s *streamFigures) float64 { return float64(s.Skipped) }),
	ofStream("stream_delivered_frames_total", "Frames handed to the kernel whole, summed over all readers.", counter, func(s *streamFigures) float64 { return float64(s.Delivered) }),
	ofStream("stream_delivered_packets_total", "Packets of the frames delivered.", counter, func(s *streamFigures) float64 { return float64(s.Packets) }),
	ofStream("stream_delivered_bytes_total", "Bytes of the frames delivered.", counter, func(s *streamFigures) float64 { return float64(s.Bytes) }),
	ofStream("stream_lags_total", "Frames that readers have missed as they were too far behind, summed over all readers.", counter, func(s *streamFigures) float64 { return float64(s.Lags) }),
	ofStream("stream_frames_cut_short_total", "Frames that were given up in the middle for a reader over TCP.", counter, func(s *streamFigures) float64 { return float64(s.CutShort) }),
	ofStream("stream_unreachable_sends_total", "Sends to single readers that the kernel refused.", counter, func(s *streamFigures) float64 { return float64(s.Unreachable) }),
	ofStream("stream_groups_cut_total", "Groups of pictures that were too large to be kept whole.", counter, func(s *streamFigures) float64 { return float64(s.GroupsCut) }),
	ofStream("stream_source_restarts_total", "How often the source was opened again.", counter, func(s *streamFigures) float64 { return float64(s.Restarts) }),
	ofStream("stream_readers", "Readers that are being sent to, fixed destinations included.", gauge, func(s *streamFigures) float64 { return float64(s.Readers) }),
	ofStream("stream_readers_thinned", "Readers that are sent fewer frames, as they report loss.", gauge, func(s *streamFigures) float64 { return float64(s.Thinned) }),
	ofStream("stream_readers_resting", "Readers that are sent nothing, as their machine does not answer or their port is closed.", gauge, func(s *streamFigures) float64 { return float64(s.Resting) }),
	ofStream("stream_readers_held_back", "Readers by WebRTC that are sent no frames, as they report to have received none.", gauge, func(s *streamFigures) float64 { return float64(s.HeldBack) }),
}

// lateTurn is how much CPU a turn uses at least that is late: half a frame interval at 60 frames a second.
const lateTurn = 8 * time.Millisecond

// ofProcess are those of the whole.
var ofProcess = []figure[snapshot]{
	ofAll("loop_turns_total", "Turns of the loop.", counter, func(s *snapshot) float64 { return float64(s.loop.Turns) }),
	ofAll("loop_late_turns_total", "Turns that used 8 ms of CPU or more, half a frame interval at 60 frames a second.", counter, func(s *snapshot) float64 {
		return float64(s.loop.TurnCPU.Count - s.loop.TurnCPU.Below(lateTurn))
	}),
	ofAll("loop_events_total", "File descriptors that were found ready.", counter, func(s *snapshot) float64 { return float64(s.loop.Events) }),
	ofAll("loop_handlers_seconds_total", "Time spent in handlers, timers and posted functions.", counter, func(s *snapshot) float64 { return s.loop.InHandlers.Seconds() }),
	ofAll("loop_longest_turn_seconds", "The longest turn so far, without waiting.", gauge, func(s *snapshot) float64 { return s.loop.MaxTurn.Seconds() }),
	ofAll("udp_sends_total", "System calls by which RTP was sent over UDP.", counter, func(s *snapshot) float64 { return float64(s.sockets.Calls) }),
	ofAll("udp_messages_total", "Messages that the kernel took over UDP: a run of packets each.", counter, func(s *snapshot) float64 { return float64(s.sockets.Messages) }),
	ofAll("udp_sent_bytes_total", "Bytes of the messages over UDP.", counter, func(s *snapshot) float64 { return float64(s.sockets.Bytes) }),
	ofAll("udp_full_total", "How often a socket for UDP was full.", counter, func(s *snapshot) float64 { return float64(s.sockets.Blocked) }),
	ofAll("tcp_blocked_readers", "Readers over TCP that take nothing at present.", gauge, func(s *snapshot) float64 { return float64(s.backlog.Readers) }),
	ofAll("tcp_backlog_bytes", "What the kernel holds for readers over TCP that take nothing.", gauge, func(s *snapshot) float64 { return float64(s.backlog.Bytes) }),
	ofAll("tcp_readers_ended_total", "Readers over TCP that were ended as too much waited for them.", counter, func(s *snapshot) float64 { return float64(s.backlog.Ended) }),
}

var (
	state    = describe("stream_state", "1 for the state that the stream's source is in, else 0.", "stream", "state")
	sessions = describe("sessions", "Sessions that play.", "stream", "protocol", "transport")
	age      = describe("frame_age_seconds", "Ages of frames since their capture, by stage: encoded and laid out; handed to the kernel for the first and for the last reader over UDP, WebRTC included, and over TCP.", "stream", "stage")
	putOff   = describe("loop_put_off_total", "How often work waited for the next turn, as its time was up.", "work")
	turnCPU  = describe("loop_turn_cpu_seconds", "CPU that turns of the loop used.")
	dropped  = describe("log_dropped_lines_total", "Lines of the log that were dropped, as they came faster than they are read.")
)
