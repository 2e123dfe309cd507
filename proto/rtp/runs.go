package rtp

import (
	"encoding/binary"
	"slices"
	"sort"
)

// runEntry says where a run begins.
type runEntry struct {
	from  uint32 // in Packets.Bytes
	first uint32 // the number of its first packet
}

const runEntryBytes = 8

// append adds an entry to a list.
func (e runEntry) append(list []byte) []byte {
	list = binary.NativeEndian.AppendUint32(list, e.from)
	return binary.NativeEndian.AppendUint32(list, e.first)
}

// entry returns the list's entry i.
func (p *Packets) entry(i int) runEntry {
	e := p.runs[i*runEntryBytes:]
	return runEntry{binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:])}
}

// listedRun is Run, by the list.
func (p *Packets) listedRun(i int) []byte {
	to := len(p.Bytes)
	if i+1 < p.Runs() {
		to = int(p.entry(i + 1).from)
	}
	return p.Bytes[p.entry(i).from:to]
}

// listedPacket is Packet, by the list.
func (p *Packets) listedPacket(i int) []byte {
	n := sort.Search(p.Runs()-1, func(n int) bool { return int(p.entry(n+1).first) > i })
	e, run := p.entry(n), p.listedRun(n)
	from := (i - int(e.first)) * p.PacketSize
	return run[from:min(from+p.PacketSize, len(run))]
}

// list takes the runs behind Bytes.
func (p *Packets) list(runs []runEntry) {
	end := len(p.Bytes)
	all := slices.Grow(p.Bytes, len(runs)*runEntryBytes)
	p.Bytes = all
	for _, r := range runs {
		all = r.append(all)
	}
	p.runs = all[end:]
}
