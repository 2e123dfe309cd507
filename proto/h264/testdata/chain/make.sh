#!/bin/sh
# Makes the streams of this folder: groups of several shapes, whose numbers count to 16 and whose picture
# order counts begin anew after few pictures.
# usage: make.sh, with ffmpeg (libx264)
set -eu
cd "$(dirname "$0")"
make() { # OUTPUT X264-PARAMS
    ffmpeg -y -v error -f lavfi -i "testsrc2=size=32x32:rate=25" -frames:v 100 -c:v libx264 -crf 45 -pix_fmt yuv420p \
        -x264-params "scenecut=0:b-adapt=0:$2" -bsf:v filter_units=remove_types=6 -flags +bitexact -fflags +bitexact "$1"
}
make single.h264 keyint=1:bframes=0
make two.h264 keyint=2:bframes=0
make wrap.h264 keyint=17:bframes=0
make long.h264 keyint=100:bframes=0
make one.h264 keyint=6:min-keyint=6:bframes=1:ref=1
make three.h264 keyint=32:bframes=3:b-pyramid=none:ref=1
make pyramid.h264 keyint=16:min-keyint=16:bframes=3:b-pyramid=normal:ref=2
make lone.h264 keyint=65:bframes=3:b-pyramid=normal
make seven.h264 keyint=48:bframes=7:b-pyramid=none
