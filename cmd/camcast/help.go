package main

const helpHead = `camcast streams cameras to any number of viewers: by RTP over UDP or TCP to the players
they have, and by WebRTC and HTTP to browsers.

Usage: camcast [flags] [[NAME=]SOURCE ...]
       camcast COMMAND ...

Each SOURCE becomes a stream. The first one's NAME is cam by default, the next ones'
cam2, cam3...

  '/dev/video0?size=1280x720&fps=30&format=mjpeg' a camera; format mjpeg, h264, h265, yuyv,
                                                  uyvy, nv12, nv21, i420, rgb24, bgr24 or
                                                  grey, or auto: the first of these that has
                                                  the size and rate; quality=1..100 for
                                                  those from yuyv on, which are encoded
  '/dev/video0?control.exposure_auto=1'           a camera whose controls are set, in this
                                                  order, each time it is opened; camcast
                                                  controls /dev/video0 lists them
  'testcard:?size=640x480&fps=30&quality=80'      a moving picture with the time in it
  'clip.mjpeg?fps=25&loop=1'                      an MJPEG, H.264 or H.265 file (Annex B), a
                                                  folder of JPEGs, or a JPEG; without loop it
                                                  is played once, from its first viewer on;
                                                  without fps at the file's rate, else 25
  'rtsp://USER:PASSWORD@HOST/PATH?transport=tcp'  an RTSP camera (H.264, H.265, JPEG), or
                                                  rtsps://; transport udp, tcp or any: UDP,
                                                  and TCP if nothing comes by that
  'exec?format=flv&fps=25&timeout=10:COMMAND'     the frames that a command writes to stdout:
                                                  MJPEG, multipart, H.264 or H.265 (Annex B),
                                                  FLV or MPEG-TS, known by the first bytes or
                                                  format=; it is ended and run again when it ends,
                                                  or no frame comes for timeout seconds
  - or 'cam=-?format=h264&fps=25' or a FIFO       the same from stdin, or from a FIFO
  '/dev/video0?encode=h264&bitrate=2M&keyframe=2s' encoded to H.264, by the machine's encoder
                                                  (V4L2 memory-to-memory) or by OpenH264; so
                                                  are the test card and all sources of JPEG
  'low=cam?size=640x360&encode=h264'              the pictures of an earlier stream, smaller

Everything from the last '?' on is optional, or from exec's '?' to its ':'. The quotes keep it
from the shell. A file with a '?' in its name: 'what?.mjpeg' if it is there, else
'what?.mjpeg?'; with options 'what?.mjpeg?fps=5'. A file that is named like a command:
./passwd, ./exec:x. Without any SOURCE: the first camera found, else the test card.

A URL's own query is a part of it. Options come behind another '?', as in
'rtsp://HOST/PATH?channel=1?transport=tcp'; where all of a query is options, a '?' at the
end says that it is the URL's own. For rtsps:// tls-ca=FILE, tls-fingerprint=HEX or
insecure=1 say which camera to trust; without them the system's authorities do. A camera that
is not trusted, or speaks rtsp://, is sent the password in clear text (Basic) only with
allow-basic=1.

Players play rtsp://THIS-HOST:8554/NAME. Viewers that do not use RTSP, such as camview, join
at camcast://THIS-HOST:5004/NAME, by one UDP port; camcast://THIS-HOST:5004/ lists the
streams that can be watched now. A browser on this machine shows all
streams at http://127.0.0.1:8080/, by WebRTC; with --http :8080 others do, too.
`

const helpTail = `
SIGINT and SIGTERM say goodbye to every viewer and end the program. SIGUSR1 prints figures
on stderr; they are printed at the end, too. SIGHUP has the files of --auth, --tls-cert and
--tls-key read again: a file with a fault changes nothing; viewers who may no longer watch are
ended.
Exit status: 0; 1 if something failed; 2 if the command line is wrong.

These environment variables turn kernel features and libraries off:
  CAMCAST_UDP_SEGMENT=0   segmentation offload: each packet is a message of its own
  CAMCAST_SENDMMSG=0      batches: each message is a system call of its own
  CAMCAST_CLONE=0         --clone
  CAMCAST_TURBOJPEG=0     libjpeg-turbo: pictures are encoded by Go's image/jpeg
  CAMCAST_M2M=0           the machine's H.264 encoder: OpenH264 encodes

Examples:
  camcast
  camcast devices
  camcast controls /dev/video0 brightness=10
  camcast --max-readers 100 'desk=/dev/video0?size=1280x720' bench=/dev/video2
  camcast 'exec:ffmpeg -i rtsp://camera/1 -c copy -f flv -'
  rpicam-vid -t 0 --inline --low-latency --libav-format h264 -o - | camcast -
  camcast passwd --file users me && camcast --auth users --allow 192.168.1.0/24
  camcast certificate
  camcast --tls-cert cert.pem --tls-key key.pem
  camcast --send udp://239.1.2.3:5000 --sdp cam.sdp testcard:
  camcast --send 'udp://239.1.2.3:5000?ttl=2&iface=eth0' --sdp cam.sdp /dev/video0
`
