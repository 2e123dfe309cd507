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

// starts says where run i begins.
func (p *Packets) starts(i int) runEntry {
	if p.runs != nil {
		return p.entry(i)
	}
	return runEntry{uint32(i * p.runBytes()), uint32(i * p.RunPackets)}
}

// after is the entry of the same run where each packet before it is longer by extra bytes.
func (e runEntry) after(extra int) runEntry {
	return runEntry{e.from + e.first*uint32(extra), e.first}
}

// list takes so many runs behind Bytes.
func (p *Packets) list(count int, run func(i int) runEntry) {
	end := len(p.Bytes)
	all := slices.Grow(p.Bytes, count*runEntryBytes)
	p.Bytes = all
	for i := range count {
		all = run(i).append(all)
	}
	p.runs = all[end:]
}
