package rtsp

import (
	"strconv"
	"time"
)

// Answer is what a [Media] says to a request.
type Answer struct {
	// Status is StatusOK, a refusal from 400 to 599, or 0, which means [Later]. Any other is sent as 500.
	Status Status

	// Reason, if there is one, replaces the standard phrase in the status line: players show it to people. A character that
	// is not printable ASCII is sent as "?", and what is longer than 200 characters is cut.
	Reason string

	// RetryAfter is when it makes sense to ask again. It is sent as Retry-After, in whole seconds, rounded up. 0 and less
	// leave the header out.
	RetryAfter time.Duration
}

var (
	// OK grants what was asked for.
	OK = Answer{Status: StatusOK}

	// Later means that the answer is not known yet: the request waits until [Conn.Resume].
	Later = Answer{}
)

// later reports whether the answer is not known yet, whatever else it says.
func (a Answer) later() bool { return a.Status == 0 }

// maxReasonBytes is the longest reason phrase that is sent.
const maxReasonBytes = 200

// appendStatus appends the status line (RFC 2326 section 7.1).
func (a Answer) appendStatus(out []byte) []byte {
	out = append(out, "RTSP/1.0 "...)
	out = strconv.AppendUint(out, uint64(a.Status), 10)
	out = append(out, ' ')
	if a.Reason == "" {
		out = append(out, a.Status.String()...)
	}
	begin := len(out)
	for _, r := range a.Reason {
		if len(out)-begin == maxReasonBytes {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return append(out, "\r\n"...)
}

// appendRetryAfter appends the header Retry-After, if there is a time to tell (RFC 2326 section 12.31).
func (a Answer) appendRetryAfter(out []byte) []byte {
	if a.RetryAfter <= 0 {
		return out
	}
	seconds := int64(a.RetryAfter / time.Second)
	if a.RetryAfter%time.Second > 0 {
		seconds++
	}
	return header(out, "Retry-After", strconv.FormatInt(seconds, 10))
}

// refusal is the answer as it can be sent: a status that is none of a refusal's is Media's mistake, not the client's.
func (a Answer) refusal() Answer {
	if a.Status < 400 || a.Status > 599 {
		a.Status = StatusInternalServerError
	}
	return a
}
