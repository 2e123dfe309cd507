package jpeg

import "bytes"

// scanEnd returns where entropy-coded data ends and the marker it ends at, 0 if data
// ends first. Within the scan FF is followed by 00 (a coded FF) or is a restart marker;
// before a marker there may be fill bytes, FF too.
func scanEnd(data []byte) (end int, marker byte) {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 {
			return len(data), 0
		}
		at += i
		end = at
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at == len(data) {
			return end, 0
		}
		if m := data[at]; m != 0 && (m < mRST0 || m > mRST7) {
			return end, m
		}
		at++
	}
}
