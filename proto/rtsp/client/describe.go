package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/pion/sdp/v3"
)

// jpegPayloadType is RFC 3551's static one.
const jpegPayloadType = "26"

// describe finds the track to play in a description, and the URLs of both.
func (c *Client) describe(a *base.Response) error {
	session, err := sdpunmarshaler.Unmarshal(a.Body)
	if err != nil {
		return fmt.Errorf("a description that cannot be read: %s", clean(err.Error()))
	}
	media, err := jpegMedia(session)
	if err != nil {
		return err
	}
	c.playing.Width, c.playing.Height = dimensions(media)
	contentBase := c.contentBase(a)
	control, _ := media.Attribute("control")
	if c.control, err = c.resolve(contentBase, control); err != nil {
		return err
	}
	whole, _ := session.Attribute("control")
	c.play, err = c.resolve(contentBase, whole)
	return err
}

// jpegMedia is the first video of RTP/JPEG.
func jpegMedia(session *sdp.SessionDescription) (*sdp.MediaDescription, error) {
	var others []string
	for _, m := range session.MediaDescriptions {
		if m.MediaName.Media != "video" {
			continue
		}
		for _, format := range m.MediaName.Formats {
			coding := codingOf(m, format)
			if strings.EqualFold(coding, "JPEG/90000") {
				return m, nil
			}
			others = append(others, coding)
		}
	}
	if len(others) == 0 {
		return nil, errors.New("the stream has no video")
	}
	return nil, fmt.Errorf("the stream is %.200q, and only RTP/JPEG can be shown", strings.Join(others, ", "))
}

// codingOf is the name and the clock rate of a format of a media.
func codingOf(m *sdp.MediaDescription, format string) string {
	for _, a := range m.Attributes {
		payloadType, coding, ok := strings.Cut(a.Value, " ")
		if a.Key == "rtpmap" && ok && payloadType == format {
			return strings.TrimSpace(coding)
		}
	}
	if format == jpegPayloadType {
		return "JPEG/90000"
	}
	return "payload type " + format
}

// dimensions is the size that a description gives, a=x-dimensions:WIDTH,HEIGHT; 0, 0 if it gives
// none that makes sense.
func dimensions(m *sdp.MediaDescription) (width, height int) {
	text, _ := m.Attribute("x-dimensions")
	before, after, _ := strings.Cut(text, ",")
	w, errW := strconv.ParseUint(strings.TrimSpace(before), 10, 16)
	h, errH := strconv.ParseUint(strings.TrimSpace(after), 10, 16)
	if errW != nil || errH != nil || w == 0 || h == 0 {
		return 0, 0
	}
	return int(w), int(h)
}
