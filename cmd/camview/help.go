package main

const helpHead = `camview watches a camera: in the terminal, or in whatever its pictures are handed to.

Usage: camview [flags] URL

  rtsp://HOST:8554/cam       a stream of an RTSP server, camcast or another (RTP/JPEG)
  camcast://HOST:5004/cam    a stream of camcast, joined without RTSP
  camcast://HOST:5004/       lists the streams there are, and ends

The picture fills the terminal, in 24-bit colour. Keys: q ends, space holds the picture
and lets it go on; with --rewind the left and right arrows go back and forth, and End
returns to the newest picture.
`

const helpTail = `
When the server is lost camview comes back until it is there again, every half a second
at first, every 5 seconds later on.

Figures: frames are pictures, and lost are all that did not come, those included that the
server left out for a slow reader; age is how long ago a picture was taken when it could
be shown, if the server tells and its clock and this one agree; jitter is that of RFC
3550; rtt is from a request to its answer; lags are pictures that the output was too slow
for.

Exit status: 0 if every reader got pictures, 1 if not or if something else failed, 2 if
the command line is wrong.

Examples:
  camview rtsp://127.0.0.1:8554/cam
  camview --rewind 30s --stats camcast://127.0.0.1:5004/cam 2>stats.txt
  camview -o - rtsp://127.0.0.1:8554/cam | ffplay -f mjpeg -
  camview -o frame.jpg rtsp://127.0.0.1:8554/cam
  camview --readers 100 --duration 10s --json rtsp://127.0.0.1:8554/cam
`
