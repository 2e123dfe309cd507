package main

const helpHead = `camcast puts cameras before any number of viewers: RTP over UDP, or over TCP, to the
players people have.

Usage: camcast [flags] [[NAME=]SOURCE ...]

Each SOURCE becomes a stream. The first one's NAME is cam by default, the next ones'
cam2, cam3...

  /dev/video0?size=1280x720&fps=30&format=mjpeg   a camera; format mjpeg or yuyv;
                                                  quality=1..100 for yuyv
  testcard:?size=640x480&fps=30&quality=80        a moving picture with the time in it
  clip.mjpeg?fps=25&loop=1                        an MJPEG file, or a folder of JPEGs,
                                                  which without loop begins with its
                                                  first viewer

What stands behind the '?' may be left out. Without any SOURCE: the first camera there
is, else the test card.

Players watch rtsp://THIS-HOST:8554/NAME. Without RTSP, by one UDP port, viewers join at
camcast://THIS-HOST:5004/NAME, and camcast://THIS-HOST:5004/ lists the streams.
`

const helpTail = `
SIGINT or SIGTERM says goodbye to every viewer and ends; SIGUSR1 prints figures.
Exit status: 0, 1 if something failed, 2 if the command line is wrong.

Environment: CAMCAST_UDP_SEGMENT=0 sends packet by packet instead of having the kernel
cut frames into packets; CAMCAST_SENDMMSG=0 makes a system call per packet;
CAMCAST_CLONE=0 overrules --clone; CAMCAST_TURBOJPEG=0 encodes without libjpeg-turbo.

Examples:
  camcast
  camcast --max-readers 100 desk=/dev/video0?size=1280x720 bench=/dev/video2
  camcast --send udp://239.1.2.3:5000 --sdp cam.sdp testcard:
`
