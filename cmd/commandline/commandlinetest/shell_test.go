package commandlinetest

import "testing"

func TestUnquoted(t *testing.T) {
	for command, want := range map[string]string{
		"camcast 'testcard:?size=640x480&fps=30'": "",
		`camcast "a?b"`:                     "",
		"camcast testcard:?fps=30":          "?",
		"camcast a&b":                       "&",
		"camcast a & camview b":             "",
		"camcast a && camview b":            "",
		"camcast a  # a comment? & so on":   "",
		"camview rtsp://me:pass#word@h/cam": "#",
		"camcast *.jpg":                     "*",
		"camcast 'a'?b":                     "?",
	} {
		if got := unquoted(command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}
