package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/proto/uri"
)

// parseURL reads an RTSP URL of a person's or a server's. What is asked for has neither the user
// and the password nor the zone of the host's address.
func parseURL(text string) (parts uri.URL, asked *base.URL, err error) {
	if parts, err = uri.Parse(text); err != nil {
		return parts, nil, err
	}
	if parts.Scheme != "rtsp" && parts.Scheme != "rtsps" {
		return parts, nil, errors.New("must begin with rtsp:// or rtsps://")
	}
	u, err := url.Parse(parts.WithoutZone().String())
	if err != nil {
		return parts, nil, errors.New("must be a URL")
	}
	return parts, (*base.URL)(u), nil
}

// at is a URL of the server's, at the host that was connected to: the server may not know what it
// is called here.
func (c *Client) at(text string) (*base.URL, error) {
	_, u, err := parseURL(text)
	if err != nil {
		return nil, err
	}
	u.Host = c.url.Host
	return u, nil
}

// resolve is the URL that a control attribute means (RFC 2326, appendix C.1.1). One that is not
// absolute is appended to the base, behind its query, as players do.
func (c *Client) resolve(contentBase *base.URL, control string) (*base.URL, error) {
	if control == "" || control == "*" {
		return contentBase, nil
	}
	if scheme, _, absolute := strings.Cut(control, "://"); !absolute || !strings.HasPrefix(strings.ToLower(scheme), "rtsp") {
		whole := contentBase.String()
		if !strings.HasSuffix(whole, "/") && control[0] != '/' && control[0] != '?' {
			whole += "/"
		}
		control = whole + control
	}
	u, err := c.at(control)
	if err != nil {
		return nil, fmt.Errorf("the description's URL %.200q cannot be read", control)
	}
	return u, nil
}
