package main

const helpHead = `camview shows a camera in the terminal, or writes its pictures to a file or another program.

Usage: camview [flags] URL

  rtsp://HOST:8554/cam       a stream of an RTSP server, camcast or another (RTP/JPEG)
  camcast://HOST:5004/cam    a stream of camcast, joined without RTSP
  camcast://HOST:5004/       print the list of streams, and end

The picture fills the terminal, in 24-bit colour. Keys: q ends; space holds the picture,
and again goes on; with --rewind the left and right arrows go back and forth in time, and
End returns to the newest picture.
`

const helpTail = `
When a server that has sent pictures goes away, camview connects again: after half a
second at first, later every 5 seconds.

Figures:
  frames   pictures that came whole
  lost     pictures that are missing, including those that the server skipped for a slow
           reader; packets have a count of their own
  age      from when a picture was taken to when it could be shown. It needs the server's
           time, and clocks that agree
  jitter   how much the packets' travel time varies (RFC 3550)
  rtt      round trip time, from a request to its answer
  lags     pictures that were skipped because the output was too slow

Exit status: 0 if every reader got pictures; 1 if not, or if something else failed; 2 if
the command line is wrong.

Examples:
  camview rtsp://127.0.0.1:8554/cam
  camview --rewind 30s --stats camcast://127.0.0.1:5004/cam 2>stats.txt
  camview -o - rtsp://127.0.0.1:8554/cam | ffplay -f mjpeg -
  camview -o frame.jpg rtsp://127.0.0.1:8554/cam
  camview --readers 100 --duration 10s --json rtsp://127.0.0.1:8554/cam
`
