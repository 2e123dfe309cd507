package main

const helpHead = `camview shows a camera in the terminal, or writes its pictures to a file or another program.

Usage: camview [flags] URL

  rtsp://HOST:8554/cam       a stream of an RTSP server, camcast or another: JPEG, H.264, H.265
  rtsps://HOST:8322/cam      the same over TLS
  camcast://HOST:5004/cam    a stream of camcast, joined without RTSP
  camcast://HOST:5004/       print the list of streams, and end

Without a port in the URL it is 554, with rtsps:// 322, and with camcast:// 5004.

If a password is needed, it is part of the URL: camcast://USER:PASSWORD@HOST/cam. Characters
that mean something in a URL may be escaped, such as %40 for @.

The picture fills the terminal. Keys: q ends; space holds the picture, and again goes on;
with --rewind the left and right arrows go back and forth in time, and End returns to the
newest picture. H.264 is shown by OpenH264 (apt install libopenh264-7); H.265 can only be
written, by -o.

An .mp4 has the pictures with their times, in fragments of about a second: it can be played
while it is written, and if camview is killed.
`

const helpTail = `
When a server that has sent pictures goes away, camview connects again: after half a
second at first, later every 5 seconds.

Figures:
  frames   pictures that came whole
  lost     pictures that the network has damaged or lost, those that need such a one, and
           packets that it has lost
  skipped  pictures of which nothing came, and their packets: the server did not send them
           to this reader, as it was slow or reported loss. A network that loses pictures
           whole looks the same
  age      from when a picture was taken to when it could be shown, with the 50 ms of
           --buffer. It needs the server's time, which comes after some seconds, and clocks
           that agree
  jitter   how much the packets' travel time varies (RFC 3550)
  rtt      round trip time, from a request to its answer
  lags     pictures that were skipped because the output was too slow

If packets come but no picture, camview says why after some seconds.

Colours: 24 bits if COLORTERM is truecolor or 24bit, 256 if TERM contains 256color, else 16.
With NO_COLOR=1, and on terminals without colours, pictures are made of characters.

Exit status: 0 if every reader got pictures; 1 if not, or if something else failed; 2 if
the command line is wrong.

Examples:
  camview rtsp://127.0.0.1:8554/cam
  camview --rewind 30s --stats camcast://127.0.0.1:5004/cam 2>stats.txt
  camview -o - rtsp://127.0.0.1:8554/cam | ffplay -f mjpeg -
  camview -o frame.jpg rtsp://127.0.0.1:8554/cam
  camview -o clip.mp4 rtsp://127.0.0.1:8554/roof
  camview --tls-ca cert.pem rtsps://127.0.0.1:8322/cam
  camview --readers 100 --duration 10s --json rtsp://127.0.0.1:8554/cam
`
