package audience

// packets counts the packets of one reader by their sequence numbers.
type packets struct {
	begun bool
	// least is the first number that counts, and highest the greatest that has come: both go on where sequence numbers wrap.
	least, highest            int64
	came, misplaced, unsealed int
}

// saw takes note of a packet that was opened.
func (t *tally) saw(sequence uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets.saw(sequence)
}

// forged takes note of a packet that cannot be opened.
func (t *tally) forged() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets.unsealed++
}

func (p *packets) saw(sequence uint16) {
	if !p.begun {
		p.begun, p.least, p.highest = true, int64(sequence), int64(sequence)-1
	}
	p.came++
	number := p.highest + int64(int16(sequence-uint16(p.highest)))
	if number <= p.highest {
		p.misplaced++
		return
	}
	p.highest = number
}

// begin forgets the packets that have come.
func (p *packets) begin() { *p = packets{begun: p.begun, least: p.highest + 1, highest: p.highest} }

// addTo adds the counts to a report.
func (p *packets) addTo(r *Report) {
	r.Packets += p.came
	r.PacketsMissing += max(0, int(p.highest-p.least)+1-p.came)
	r.PacketsMisplaced += p.misplaced
	r.PacketsForged += p.unsealed
}
