package http

import (
	"net/http"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// oneReader is what the API says of a reader.
type oneReader struct {
	ID        uint64         `json:"id"`
	Stream    string         `json:"stream"`
	Protocol  cast.Protocol  `json:"protocol"`
	Transport cast.Transport `json:"transport"`
	Address   string         `json:"address"`
	User      string         `json:"user"`
	Secure    bool           `json:"secure"`
	Encrypted bool           `json:"srtp"`
	Playing   bool           `json:"playing"`
	Watched   float64        `json:"watched_seconds"`
	Frames    uint64         `json:"frames"`
	Lags      uint64         `json:"lags"`
	Reports   uint64         `json:"reports"`
	// What the last report said, nil if none has come.
	ReportAge *float64 `json:"report_age_ms"`
	Loss      *float64 `json:"loss_percent"`
	Lost      *int32   `json:"packets_lost"`
	Jitter    *float64 `json:"jitter_ms"`
	RoundTrip *float64 `json:"round_trip_ms"`
}

// readerOf is what the API says of a session.
func readerOf(s *cast.Session) oneReader {
	f := s.Figures()
	r := oneReader{
		ID: s.ID(), Stream: s.Stream().Name(), Protocol: s.Protocol(), Transport: f.Transport, Address: f.Peer.String(), User: f.User,
		Secure: f.Secure, Encrypted: s.Sealed() || s.Protocol() == cast.WebRTC, Playing: s.Playing(), Watched: rounded(f.Watched.Seconds(), 1000), Frames: f.Frames, Lags: f.Lags, Reports: f.Reports,
	}
	if f.Reports > 0 {
		age, loss, jitter := milliseconds(f.Age), rounded(100*f.FractionLost, 10), milliseconds(f.Jitter)
		r.ReportAge, r.Loss, r.Lost, r.Jitter = &age, &loss, &f.CumulativeLost, &jitter
	}
	if f.RoundTripKnown {
		ms := milliseconds(f.RoundTrip)
		r.RoundTrip = &ms
	}
	return r
}

// milliseconds is a duration, rounded to microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1000
}

// readersPerTask is how many readers are read before the loop looks at the clock.
const readersPerTask = 64

// serveReaders answers with all readers, or those of a stream.
func (s *Server) serveReaders(w http.ResponseWriter, r *http.Request) {
	var answer struct {
		answerOf
		Readers []oneReader `json:"readers"`
	}
	answer.Readers = []oneReader{}
	name, isFor := "", r.URL.Query().Has("stream")
	if isFor {
		name = r.URL.Query().Get("stream")
	}
	if s.asked(w, r, toAdmin, func(g cast.Grant, done func()) func() {
		answer.answerOf = s.toldFirst(g)
		var all []*cast.Session
		for session := range s.broadcaster.Sessions() {
			if !isFor || session.Stream().Name() == name {
				all = append(all, session)
			}
		}
		var task *loop.Task
		task = s.broadcaster.Requests().NewTask(func() {
			n := min(readersPerTask, len(all))
			for _, session := range all[:n] {
				answer.Readers = append(answer.Readers, readerOf(session))
			}
			if all = all[n:]; len(all) > 0 {
				task.Later()
				return
			}
			done()
		})
		task.Do()
		return task.Stop
	}) {
		writeJSON(w, http.StatusOK, answer)
	}
}
