package nal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camcast/camcast/proto/nal"
)

func TestUnitsOfAFrame(t *testing.T) {
	frame := nal.Append(nal.Append(nil, []byte("first")), []byte("2"))
	unit, rest, err := nal.Next(frame)
	if string(unit) != "first" || err != nil {
		t.Errorf("%q, %v", unit, err)
	}
	if unit, rest, err = nal.Next(rest); string(unit) != "2" || len(rest) > 0 || err != nil {
		t.Errorf("%q, %q, %v", unit, rest, err)
	}
	for _, bad := range []string{"", "\x00\x00\x00", "\x00\x00\x00\x00", "\x00\x00\x00\x02a", "\xff\xff\xff\xffabc"} {
		if _, _, err := nal.Next([]byte(bad)); !errors.Is(err, nal.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	got, err := nal.AppendAnnexB([]byte("!"), [][]byte{[]byte("set")}, frame)
	if want := "!\x00\x00\x00\x01set\x00\x00\x00\x01first\x00\x00\x00\x012"; string(got) != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err = nal.AppendAnnexB(nil, nil, frame[:len(frame)-1]); string(got) != "\x00\x00\x00\x01first" || !errors.Is(err, nal.ErrMalformed) {
		t.Errorf("cut off: %q, %v", got, err)
	}
}

func TestBits(t *testing.T) {
	// 1 010 011 00100 00101 00110 00111: the first seven codes, 9.1.
	b := nal.NewBits([]byte{0b10100110, 0b01000010, 0b10011000, 0b11100000})
	for want := range uint32(7) {
		if got := b.Unsigned(); got != want || b.Bad {
			t.Errorf("code %d is read as %d", want, got)
		}
	}
	b = nal.NewBits([]byte{0b10100110, 0b01000010, 0b10011000, 0b11100000})
	for i, want := range []int32{0, 1, -1, 2, -2, 3, -3} {
		if got := b.Signed(); got != want || b.Bad {
			t.Errorf("signed code %d is read as %d, want %d", i, got, want)
		}
	}
	// Emulation prevention: 00 00 03 01 is 00 00 01, and so on.
	b = nal.NewBits([]byte{0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3, 4, 3})
	for i, want := range []uint32{0, 0, 1, 0, 0, 0, 0, 3, 4, 3} {
		if got := b.Read(8); got != want || b.Bad {
			t.Errorf("byte %d is %d, want %d", i, got, want)
		}
	}
	if b.Read(1); !b.Bad || b.Read(32) != 0 || b.Unsigned() != 0 || b.Flag() {
		t.Error("there is something after the end")
	}
	b = nal.NewBits([]byte{0xff, 0xff, 0xff, 0xff, 0xff})
	if got := b.Read(32); got != 1<<32-1 || b.Read(9) != 0 || !b.Bad {
		t.Errorf("32 bits are %x", got)
	}
	b = nal.NewBits([]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	if got := b.Unsigned(); got != 1<<32-2 || b.Bad {
		t.Errorf("the largest code is %x", got)
	}
	if b = nal.NewBits(make([]byte, 20)); b.Unsigned() != 0 || !b.Bad {
		t.Error("a code of more than 32 bits")
	}
	if b = nal.NewBits([]byte{1, 2, 3}); b.Read(4) != 0 {
		t.Error("the first bits")
	}
	if b.Skip(2); b.Read(4) != 3 || b.Bad {
		t.Error("two bytes are skipped")
	}
	if b.Skip(1 << 30); !b.Bad {
		t.Error("bytes after the end are skipped")
	}
}

func TestSEI(t *testing.T) {
	for _, c := range []struct {
		payload string
		found   bool
		first   uint32
	}{
		{"", false, 0}, {"\x80", false, 0},
		{"\x06\x01\xab\x80", true, 0xab},
		{"\x05\x02ab\x06\x01\xac\x80", true, 0xac},
		{"\x05\xff\x02" + string(bytes.Repeat([]byte("x"), 257)) + "\x06\x01\xad\x80", true, 0xad},
		{"\xff\x06\x01a\x80", false, 0}, // type 261
		{"\x05\x09ab\x80", false, 0},
		{"\x05\xff\xff\xff", false, 0},
	} {
		message, ok := nal.SEI([]byte(c.payload), 6)
		if ok != c.found || ok && message.Read(8) != c.first {
			t.Errorf("%q: found is %v", c.payload, ok)
		}
	}
}
