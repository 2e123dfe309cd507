package rtcp

import "encoding/binary"

// A picture loss indication is payload-specific feedback (PSFB) of format 1 (RFC 4585, section 6.3.1).
const (
	pictureLossType   = 206
	pictureLossFormat = 1
)

// AppendPictureLoss appends a compound packet of a reception report, the canonical name and a picture
// loss indication, which asks the source for a key frame. It allocates only to grow dst.
func AppendPictureLoss(dst []byte, r ReceptionReport, cname string) []byte {
	dst = AppendReceiverReport(dst, r, cname)
	dst = append(dst, version2|pictureLossFormat, pictureLossType, 0, 2)
	dst = binary.BigEndian.AppendUint32(dst, r.Reporter)
	return binary.BigEndian.AppendUint32(dst, r.SSRC)
}
