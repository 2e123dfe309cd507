package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/proto/uri"
	"github.com/camcast/camcast/receive"
)

// rtspSpec is what a SOURCE argument says of an RTSP camera, beside its URL.
type rtspSpec struct {
	transport rtsp.Transport
	trust     receive.Trust
	basic     bool // the password may be sent in clear text, whatever the way
}

// rtspOptions are the options of an RTSP camera.
var rtspOptions = append([]string{"transport", "tls-ca", "tls-fingerprint", "insecure", "allow-basic"}, encodingOptions...)

// isRTSP reports whether a source is the URL of an RTSP camera.
func isRTSP(source string) bool {
	scheme, _, found := strings.Cut(source, "://")
	return found && (strings.EqualFold(scheme, "rtsp") || strings.EqualFold(scheme, "rtsps"))
}

// parseRTSP understands the URL of a camera and the options behind it. They begin at the last '?' if
// each of them is one of ours, or if nothing stands behind it; else that is the URL's own query. No
// option has an '@': what stands before one is a part of the password. The error does not show that.
func (spec *sourceSpec) parseRTSP(source string) error {
	spec.kind, spec.path = rtspSource, source
	if at := strings.LastIndexByte(source, '?'); at >= 0 && !strings.Contains(source[at:], "@") {
		query := source[at+1:]
		ours, others := sortOptions(query)
		switch {
		case len(ours) > 0 && len(others) > 0:
			return fmt.Errorf("options %s: put them behind the URL's own query, as in ?%s?%s", strings.Join(ours, ", "), strings.Join(others, "&"), strings.Join(ours, "&"))
		case len(others) == 0:
			spec.path = source[:at]
			if err := spec.parseOptions(query); err != nil {
				return err
			}
		}
	}
	o := spec.rtspOptions()
	if err := o.Check(); err != nil {
		return err
	}
	if err := spec.rtsp.check(spec.path); err != nil {
		return err
	}
	return spec.checkEncoding()
}

// sortOptions sorts what is joined by '&': our options, and what else there is. Cameras have options such as
// bitrate, too: what says how to encode is ours only beside encode.
func sortOptions(query string) (ours, others []string) {
	nameOf := func(part string) string {
		key, _, _ := strings.Cut(part, "=")
		name, _ := url.QueryUnescape(key) // of a broken one it is empty
		return name
	}
	parts := strings.Split(query, "&")
	encodes := slices.ContainsFunc(parts, func(part string) bool { return nameOf(part) == "encode" })
	for _, part := range parts {
		name := nameOf(part)
		if slices.Contains(rtspOptions, name) && (encodes || !slices.Contains(encodingOptions, name)) {
			ours = append(ours, part)
		} else if part != "" {
			others = append(others, part)
		}
	}
	return ours, others
}

// set sets an option.
func (r *rtspSpec) set(key, value string) (err error) {
	switch key {
	case "transport":
		known := map[string]rtsp.Transport{"any": rtsp.AnyTransport, "udp": rtsp.OnlyUDP, "tcp": rtsp.OnlyTCP}
		transport, ok := known[strings.ToLower(value)]
		if !ok {
			return fmt.Errorf("transport=%s: must be any, udp or tcp", value)
		}
		r.transport = transport
	case "tls-ca":
		if r.trust.CA = value; value == "" {
			return fmt.Errorf("tls-ca=: must be a PEM file")
		}
	case "tls-fingerprint":
		if _, err = certificate.ParseFingerprint(value); err != nil {
			return fmt.Errorf("tls-fingerprint=%s: %w", value, err)
		}
		r.trust.Fingerprint = value
	case "insecure":
		if r.trust.Insecure, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("insecure=%s: must be 1 or 0", value)
		}
	case "allow-basic":
		if r.basic, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("allow-basic=%s: must be 1 or 0", value)
		}
	}
	return nil
}

// check says what is wrong with the options about TLS for a URL.
func (r *rtspSpec) check(source string) error {
	given := 0
	for _, is := range []bool{r.trust.CA != "", r.trust.Fingerprint != "", r.trust.Insecure} {
		if is {
			given++
		}
	}
	switch {
	case given > 0 && !strings.HasPrefix(strings.ToLower(source), "rtsps:"):
		return fmt.Errorf("tls-ca, tls-fingerprint and insecure: the URL does not begin with rtsps://")
	case given > 1:
		return fmt.Errorf("tls-ca, tls-fingerprint and insecure: one of them at a time")
	}
	return nil
}

// rtspOptions is the spec as the source's options, without what a service adds.
func (spec *sourceSpec) rtspOptions() rtsp.Options {
	return rtsp.Options{
		URL: spec.path, Transport: spec.rtsp.transport, AllowBasic: spec.rtsp.basic, UserAgent: commandline.Version("camcast"),
	}
}

// newCamera makes the source of an RTSP camera.
func (d *service) newCamera(spec sourceSpec) (capture.Source, error) {
	o := spec.rtspOptions()
	o.Loop, o.Log = d.broadcaster.Loop(), d.log.With("stream", spec.name)
	if u, err := uri.Parse(spec.path); err == nil && u.Scheme == "rtsps" {
		if o.TLS, err = spec.rtsp.trust.Config(u.Host); err != nil {
			return nil, fmt.Errorf("tls-ca: %w", err)
		}
		o.AllowBasic = o.AllowBasic || !spec.rtsp.trust.Insecure
	}
	return nilIfFailed(rtsp.New(o))
}

// shownSource is a SOURCE argument to be shown in an error: without the user and the password of a
// URL.
func shownSource(argument string) string { return uri.Redact(argument) }
