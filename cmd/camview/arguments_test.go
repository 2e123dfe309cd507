package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
)

func TestArguments(t *testing.T) {
	s, err := parseArguments(strings.Fields("--transport tcp --buffer 0 --frames 3 --duration 1m --readers 1 --stats --json -o out.JPG rtsp://[::1]:8554/a/b?x=1"))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		address:   address{scheme: "rtsp", host: "::1", port: 8554, stream: "a/b", url: "rtsp://[::1]:8554/a/b?x=1", shown: "rtsp://[::1]:8554/a/b?x=1"},
		transport: onlyTCP, output: toPhoto, file: "out.JPG", duration: time.Minute, frames: 3, readers: 1, stats: true, json: true,
	}
	if *s != want {
		t.Errorf("got  %+v\nwant %+v", *s, want)
	}
	for text, want := range map[string]address{
		"rtsp://cam.example/":                {scheme: "rtsp", host: "cam.example", port: 554, shown: "rtsp://cam.example/"},
		"rtsps://cam.example/x":              {scheme: "rtsps", host: "cam.example", port: 322, stream: "x", shown: "rtsps://cam.example/x"},
		"RTSP://u:p@10.0.0.1/x":              {scheme: "rtsp", host: "10.0.0.1", port: 554, stream: "x", shown: "rtsp://10.0.0.1/x"},
		"rtsp://u:#%[]?@ p@h:1/x":            {scheme: "rtsp", host: "h", port: 1, stream: "x", shown: "rtsp://h:1/x"},
		"rtsp://u:a/b@[fe80::1%eth0]:1/100%": {scheme: "rtsp", host: "fe80::1%eth0", port: 1, stream: "100%", shown: "rtsp://[fe80::1%eth0]:1/100%25"},
		"rtsp://[fe80::1%25eth0]/x":          {scheme: "rtsp", host: "fe80::1%eth0", port: 554, stream: "x", shown: "rtsp://[fe80::1%25eth0]/x"},
		"camcast://[fe80::1%eth0]/x":         {scheme: "camcast", host: "fe80::1%eth0", port: 5004, stream: "x", shown: "camcast://[fe80::1%eth0]/x"},
		"camcast://h/":                       {scheme: "camcast", host: "h", port: 5004, shown: "camcast://h/"},
		"camcast://h":                        {scheme: "camcast", host: "h", port: 5004, shown: "camcast://h"},
		"camcast://u:p%40#@h/x":              {scheme: "camcast", host: "h", port: 5004, stream: "x", shown: "camcast://h/x", user: "u", password: "p@#"},
		"camcast://u:p@h":                    {scheme: "camcast", host: "h", port: 5004, shown: "camcast://h", user: "u", password: "p"},
		"camcast://h:1/left%20eye":           {scheme: "camcast", host: "h", port: 1, stream: "left eye", shown: "camcast://h:1/left%20eye"},
	} {
		got, err := parseAddress(text)
		want.url = text
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		if got.isList() != (want.scheme == "camcast" && want.stream == "") {
			t.Errorf("%s: isList is %v", text, got.isList())
		}
	}
	if _, err := parseArguments([]string{"--help"}); !errors.Is(err, commandline.ErrHelp) {
		t.Error(err)
	}
	if _, err := parseArguments([]string{"--version"}); !errors.Is(err, commandline.ErrVersion) {
		t.Error(err)
	}
}

func TestWrongArguments(t *testing.T) {
	for line, want := range map[string][]string{
		"rtsp://a/b rtsp://u:secret@a/c":     {"rtsp://a/c", "one URL"},
		"http://u:secret@a/b":                {"http://a/b", "rtsp://, rtsps:// or camcast://"},
		"rtsp://u:secret@a:0/b":              {"rtsp://a:0/b", "port 0"},
		"rtsp://u:secret@a:x/b":              {"rtsp://a:x/b", "URL"},
		"rtsp://u:secret@/b":                 {"rtsp:///b", "host"},
		"u:secret@a/b":                       {"a/b", "URL"},
		"camcast://u:secret@a/b?c":           {"camcast://a/b?c", "no more"},
		"camcast://u:secret@a/b#c":           {"camcast://a/b", "no more"},
		"camcast://:secret@a/b":              {"camcast://a/b", "a user and a password"},
		"camcast://a/b#c":                    {"no more"},
		"":                                   {"no URL", "rtsp://HOST"},
		"rtsp://a/b rtsp://a/c":              {"rtsp://a/c", "one URL"},
		"--nope rtsp://a/b":                  {"--nope"},
		"cam":                                {"cam", "rtsp://", "camcast://"},
		"http://a/b":                         {"http://a/b", "rtsp://, rtsps:// or camcast://"},
		"rtsp:a":                             {"rtsp:a", "URL"},
		"rtsp:///b":                          {"host"},
		"rtsp://a:0/b":                       {"port 0", "1 to 65535"},
		"rtsp://a:70000/b":                   {"port 70000"},
		"rtsp://a:x/b":                       {"URL"},
		"camcast://a/b?c":                    {"no more"},
		"camcast://u@a/b":                    {"camcast://a/b", "a user and a password"},
		"camcast://u:@a/b":                   {"camcast://a/b", "a user and a password"},
		"camcast://@a/b":                     {"camcast://a/b", "a user and a password"},
		"--transport sctp rtsp://a/b":        {"--transport", "sctp", "udp or tcp"},
		"--transport tcp camcast://a/b":      {"--transport tcp", "UDP"},
		"--buffer -1 rtsp://a/b":             {"--buffer -1", "0 to 10000"},
		"--buffer 10001 rtsp://a/b":          {"--buffer 10001"},
		"--buffer 50ms rtsp://a/b":           {"buffer", "50ms"},
		"--rewind 11m rtsp://a/b":            {"--rewind 11m0s", "10m"},
		"--rewind 5s -o - rtsp://a/b":        {"--rewind", "terminal"},
		"--rewind 5s --readers 2 rtsp://a/b": {"--rewind", "terminal"},
		"--duration 0s rtsp://a/b":           {"--duration 0s"},
		"--duration 10 rtsp://a/b":           {"duration", "10"},
		"--frames 0 rtsp://a/b":              {"--frames 0", "at least 1"},
		"--readers 0 rtsp://a/b":             {"--readers 0", "1 to 10000"},
		"--readers 10001 rtsp://a/b":         {"--readers 10001"},
		"--readers 2 -o x.mjpeg rtsp://a/b":  {"-o", "--readers 2"},
		"--readers 2 camcast://a/":           {"--readers", "no stream"},
		"-o x.jpg camcast://a":               {"-o", "no stream", "listed"},
		"--duration 5s camcast://a/":         {"--duration", "no stream"},
		"--frames 5 camcast://a/":            {"--frames", "no stream"},
		"--stats camcast://a/":               {"--stats", "no stream"},
		"--rewind 5s camcast://a/":           {"--rewind", "no stream"},
		"--rewind 5s --json rtsp://a/b":      {"--rewind", "--json"},
		"-o clip.avi rtsp://a/b":             {"clip.avi", ".mp4, .mjpeg, .jpg, .h264 or .h265"},
		"--transport udp rtsps://a/b":        {"--transport udp", "not be encrypted", "TCP"},
		"--tls-ca x rtsp://a/b":              {"--tls-ca", "rtsps://"},
		"--insecure camcast://a/b":           {"--insecure", "rtsps://"},
		"--tls-fingerprint 0a rtsps://a/b":   {`--tls-fingerprint "0a"`, "64 hexadecimal digits"},
		"--allow-basic camcast://u:p@a/b":    {"--allow-basic", "camcast://"},
		"--tls-ca x --insecure rtsps://a/b":  {"--tls-ca, --tls-fingerprint and --insecure", "one of them"},
	} {
		_, err := parseArguments(strings.Fields(line))
		if err == nil {
			t.Errorf("%q: no error", line)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %q, want one line with %q", line, err, w)
			}
		}
	}
}
