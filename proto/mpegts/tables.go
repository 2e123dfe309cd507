package mpegts

import (
	"fmt"

	"github.com/camcast/camcast/media"
)

// maxSectionBytes bounds a section of a table (2.4.4).
const maxSectionBytes = 3 + 1021

// tables are what the programme tables say.
type tables struct {
	pmt    int // the PID of the first programme's map
	video  int // that of its video
	format media.Format
	// section is one of the tables' in hand, of PID from.
	section []byte
	from    int
}

// streamTypes are those of video (table 2-34), by their names where they are others than H.264 and
// H.265.
var streamTypes = map[byte]string{0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 part 2", 0x33: "H.266", 0x42: "AVS", 0xea: "VC-1"}

// take takes a payload with a part of a table. A section may be in several packets, one after the
// other.
func (t *tables) take(pid int, payload []byte, begins bool) error {
	if begins {
		skip := 1 + int(payload[0]) // the end of the section before
		if skip >= len(payload) {
			return nil
		}
		t.section, t.from, payload = t.section[:0], pid, payload[skip:]
	}
	if t.from != pid || !begins && len(t.section) == 0 {
		return nil
	}
	t.section = append(t.section, payload[:min(len(payload), maxSectionBytes-len(t.section))]...)
	if len(t.section) < 3 {
		return nil
	}
	length := 3 + int(t.section[1]&0x0f)<<8 + int(t.section[2])
	if len(t.section) < min(length, maxSectionBytes) {
		return nil
	}
	section := t.section[:min(length, maxSectionBytes)]
	t.section = t.section[:0]
	if len(section) < 12 || section[5]&1 == 0 { // it applies later
		return nil
	}
	switch table, content := section[0], section[8:len(section)-4]; {
	case pid == patPID && table == 0:
		t.association(content)
	case pid == t.pmt && table == 2:
		return t.programme(content)
	}
	return nil
}

// association takes the programme association table.
func (t *tables) association(content []byte) {
	for ; len(content) >= 4; content = content[4:] {
		if number := int(content[0])<<8 | int(content[1]); number != 0 { // 0 is the network's
			t.pmt = int(content[2]&0x1f)<<8 | int(content[3])
			return
		}
	}
}

// programme takes a programme's map. The error matches ErrCodec if its only video is of another kind.
func (t *tables) programme(content []byte) error {
	if len(content) < 4 {
		return nil
	}
	content = content[min(4+int(content[2]&0x0f)<<8+int(content[3]), len(content)):]
	other := ""
	for len(content) >= 5 {
		format := map[byte]media.Format{0x1b: media.H264, 0x24: media.H265}[content[0]]
		if format != 0 {
			t.video, t.format = int(content[1]&0x1f)<<8|int(content[2]), format
			return nil
		}
		if name := streamTypes[content[0]]; name != "" {
			other = name
		}
		content = content[min(5+int(content[3]&0x0f)<<8+int(content[4]), len(content)):]
	}
	if other != "" {
		return fmt.Errorf("%w, but %s", ErrCodec, other)
	}
	return nil
}
