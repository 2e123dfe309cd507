package loop

import (
	"net/netip"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sizes are the bytes that n cmsgs with so much data take: each begins at a multiple of a word.
func sizes(data ...int) (n int) {
	for _, d := range data {
		n += unix.CmsgSpace(d)
	}
	return n
}

// TestCmsgLengths compares the room that is taken with that of the C library's macros.
func TestCmsgLengths(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		segment int
		source  netip.Addr
		want    int
	}{
		{0, netip.Addr{}, 0}, {1, netip.Addr{}, sizes(2)}, {0, v4, sizes(12)}, {0, v6, sizes(20)},
		{1400, v4, sizes(2, 12)}, {1400, v6, sizes(2, 20)},
	} {
		var m Cmsg
		m.Set(c.segment, c.source)
		if m.length != c.want {
			t.Errorf("segments of %d from %v: %d bytes, want %d", c.segment, c.source, m.length, c.want)
		}
		m.Mark(7)
		if want := c.want + sizes(4); m.length != want {
			t.Errorf("with a mark: %d bytes, want %d", m.length, want)
		}
	}
	for data := range 3 * wordBytes { // data that ends anywhere in a word
		var m Cmsg
		m.add(0, 0, data)
		n := 0
		m.add(0, 1, 1)
		m.each(m.length, func(_, kind int32, data []byte) { n += int(kind) * len(data) })
		if m.length != sizes(data, 1) || n != 1 {
			t.Errorf("cmsgs of %d bytes and one: %d bytes, want %d; %d of the second were read", data, m.length, sizes(data, 1), n)
		}
	}
}

// TestCmsgsOfAKernel reads cmsgs as a kernel might write them: without data, with the last one not padded, and
// with lengths that cannot be.
func TestCmsgsOfAKernel(t *testing.T) {
	type one struct {
		kind int32
		data int // bytes
	}
	header := cmsgHeaderBytes
	for name, c := range map[string]struct {
		bytes int
		put   []int // what each cmsg says its length is, its beginning at a multiple of a word behind the one before
		want  []one
	}{
		"none":                  {0, nil, nil},
		"one without data":      {header, []int{header}, []one{{1, 0}}},
		"the last not padded":   {sizes(2) + header + 3, []int{header + 2, header + 3}, []one{{1, 2}, {2, 3}}},
		"half a header":         {sizes(4) + header - 1, []int{header + 4}, []one{{1, 4}}},
		"longer than there is":  {sizes(4) + header + 4, []int{header + 4, header + 5}, []one{{1, 4}}},
		"as long as all of it":  {sizes(4) + header + 4, []int{header + 4, sizes(4) + header + 4}, []one{{1, 4}}},
		"shorter than a header": {sizes(4) + sizes(4), []int{header + 4, header - 1}, []one{{1, 4}}},
	} {
		var m Cmsg
		at := 0
		for i, length := range c.put {
			h := (*unix.Cmsghdr)(unsafe.Pointer(&m.buf[at]))
			h.Type = int32(i + 1)
			h.SetLen(length)
			at += unix.CmsgSpace(max(length-header, 0))
		}
		var got []one
		m.each(c.bytes, func(_, kind int32, data []byte) { got = append(got, one{kind, len(data)}) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
