package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
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
	video, err := c.video(session)
	if err != nil {
		return err
	}
	contentBase := c.contentBase(a)
	control, _ := video.Attribute("control")
	if c.control, err = c.resolve(contentBase, control); err != nil {
		return err
	}
	whole, _ := session.Attribute("control")
	c.play, err = c.resolve(contentBase, whole)
	return err
}

// formats are those that can be played, by the names that SDP has for them.
var formats = map[string]media.Format{"JPEG/90000": media.JPEG, "H264/90000": media.H264, "H265/90000": media.H265}

// video finds the first video that can be played, and notes what its packets carry.
func (c *Client) video(session *sdp.SessionDescription) (*sdp.MediaDescription, error) {
	var others []string
	for _, m := range session.MediaDescriptions {
		if m.MediaName.Media != "video" {
			continue
		}
		for _, payloadType := range m.MediaName.Formats {
			coding := codingOf(m, payloadType)
			format := formats[strings.ToUpper(coding)]
			if format == 0 {
				others = append(others, coding)
				continue
			}
			var err error
			if c.playing.ParameterSets, err = parameterSets(format, attributeOf(m, "fmtp", payloadType)); err != nil {
				return nil, fmt.Errorf("%s: %s", coding, clean(err.Error()))
			}
			c.playing.Format = format
			c.playing.Width, c.playing.Height = dimensions(m)
			c.playing.FramesPerSecond = frameRate(m)
			return m, nil
		}
	}
	if len(others) == 0 {
		return nil, errors.New("the stream has no video")
	}
	return nil, fmt.Errorf("the stream is %.200q, and only JPEG, H264 and H265 can be shown", strings.Join(others, ", "))
}

// parameterSets reads those of a format's parameters.
func parameterSets(format media.Format, parameters string) ([][]byte, error) {
	switch format {
	case media.H264:
		return h264.ParseFormatParameters(parameters)
	case media.H265:
		return h265.ParseFormatParameters(parameters)
	}
	return nil, nil
}

// codingOf is the name and the clock rate of a payload type of a media.
func codingOf(m *sdp.MediaDescription, payloadType string) string {
	if coding := attributeOf(m, "rtpmap", payloadType); coding != "" {
		return coding
	}
	if payloadType == jpegPayloadType {
		return "JPEG/90000"
	}
	return "payload type " + payloadType
}

// attributeOf is the value of a media's attribute for a payload type, "" if there is none.
func attributeOf(m *sdp.MediaDescription, key, payloadType string) string {
	for _, a := range m.Attributes {
		of, value, ok := strings.Cut(a.Value, " ")
		if a.Key == key && ok && of == payloadType {
			return strings.TrimSpace(value)
		}
	}
	return ""
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

// mostFramesPerSecond is the highest rate that is believed.
const mostFramesPerSecond = 1000

// frameRate is the rate that a description gives, a=framerate:RATE; 0 if it gives none that makes
// sense.
func frameRate(m *sdp.MediaDescription) float64 {
	text, _ := m.Attribute("framerate")
	rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(rate > 0 && rate <= mostFramesPerSecond) {
		return 0
	}
	return rate
}
