package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/camcast/camcast/capture/v4l2"
)

// controlPrefix begins the options of a camera that are controls: control.brightness=10.
const controlPrefix = "control."

// takeControls takes the controls out of a camera's options, in their order: some can be set only when
// another has been.
func takeControls(query string) (settings []v4l2.Setting, rest string, err error) {
	var others []string
	for _, option := range strings.Split(query, "&") {
		assignment, isControl := strings.CutPrefix(option, controlPrefix)
		if !isControl {
			others = append(others, option)
			continue
		}
		text, err := url.QueryUnescape(assignment)
		if err != nil {
			return nil, "", fmt.Errorf("option %q: %w", option, err)
		}
		s, err := v4l2.ParseSetting(text)
		if err != nil {
			return nil, "", fmt.Errorf("option %q: must be control.NAME=VALUE, such as control.brightness=10", option)
		}
		settings = append(settings, s)
	}
	return settings, strings.Join(others, "&"), nil
}
