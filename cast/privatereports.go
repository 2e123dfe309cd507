package cast

import (
	"bytes"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/proto/rtcp"
)

// privateReports is which readers with keys of their own are still to be sent a sender report. Each has a report of its own,
// of the packets that it was sent, sealed for it.
type privateReports struct {
	// round is which readers were sent the present report, and done says that all were.
	round sealfan.Round
	done  bool
	// newcomers have just come, and wait for a report.
	newcomers []*sealfan.Reader
}

// joinedPrivate is called when a reader with keys of its own has come.
func (t *senderReports) joinedPrivate(r *sealfan.Reader) {
	t.private.newcomers = addNewcomer(t.private.newcomers, r)
	t.someoneJoined()
}

// privateReport is a reader's sender report at this time.
func (t *senderReports) privateReport(r *sealfan.Reader) rtcp.SenderReport {
	report := t.report(t.lanes[0]) // the plain lane, whose SSRC and clock are the same
	report.Packets, report.Octets = r.Sent()
	return report
}

// reportTo sends a reader its report.
func (t *senderReports) reportTo(r *sealfan.Reader) {
	t.packet = rtcp.AppendSenderReport(t.packet[:0], t.privateReport(r), t.cname)
	r.SendRTCP(t.packet)
}

// greetPrivate sends reports to newcomers, as many as there is room for.
func (t *senderReports) greetPrivate(room *int) {
	p := &t.private
	next := 0
	for ; next < len(p.newcomers) && *room > 0; next++ {
		if r := p.newcomers[next]; !r.Gone() {
			t.reportTo(r)
			*room--
		}
	}
	kept := copy(p.newcomers, p.newcomers[next:])
	clear(p.newcomers[kept:])
	p.newcomers = p.newcomers[:kept]
}

// sendPrivateLot sends the present report to some readers, and leaves the others to later turns.
func (t *senderReports) sendPrivateLot() {
	p := &t.private
	if p.done {
		return
	}
	if p.done = t.stream.rendition.private.fan.Some(&p.round, reportLot, t.reportTo); !p.done {
		t.more.Set(t.stream.broadcaster.loop.Now())
	}
}

// goodbyePrivate sends a reader a goodbye (RTCP BYE), with the reason.
func (t *senderReports) goodbyePrivate(r *sealfan.Reader, reason string) {
	t.packet = rtcp.AppendGoodbye(t.packet[:0], t.privateReport(r), t.cname, reason)
	b := t.stream.broadcaster
	sealed, err := r.SealRTCP(b.opened[:0], t.packet)
	b.opened = sealed
	if err == nil {
		socket, to := r.Target()
		b.bidFarewell(socket, bytes.Clone(sealed), []fanout.Target{to})
	}
}
