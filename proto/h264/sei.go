package h264

import "github.com/camcast/camcast/proto/nal"

const seiRecoveryPoint = 6

// recoveryPoint finds a recovery point in an SEI unit (7.3.2.3, D.1.8): after how many frames
// pictures are whole if decoding begins here.
func recoveryPoint(unit []byte) (frames uint32, ok bool) {
	message, ok := nal.SEI(unit[1:], seiRecoveryPoint)
	frames = message.Unsigned()
	return frames, ok && !message.Bad
}
