#!/bin/sh
# Makes the streams of this folder: small ones, of each kind that cameras and encoders have.
# usage: make.sh, with ffmpeg (libx264, libx265)
set -eu
cd "$(dirname "$0")"
make() { # OUTPUT SIZE FRAMES OPTIONS...
    out=$1 size=$2 frames=$3
    shift 3
    ffmpeg -y -v error -f lavfi -i "testsrc2=size=$size:rate=25" -frames:v "$frames" "$@" -flags +bitexact -fflags +bitexact "$out"
}
# x264's first SEI has its settings, some 700 bytes: filter_units drops it where SEI is not the point.
plain='-bsf:v filter_units=remove_types=6'
# shellcheck disable=SC2086
make baseline.h264 96x64 12 -c:v libx264 -profile:v baseline -crf 40 -g 5 -x264-params keyint=5:scenecut=0 -pix_fmt yuv420p $plain
make slices.h264 96x96 10 -c:v libx264 -profile:v high -crf 36 -x264-params keyint=6:slices=3:bframes=0:scenecut=0:aud=1:cabac=1 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6
make bframes.h264 96x64 16 -c:v libx264 -profile:v main -crf 38 -x264-params keyint=8:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6
make recovery.h264 96x64 14 -c:v libx264 -crf 38 -x264-params keyint=6:bframes=2:open-gop=1:b-adapt=0:scenecut=0 -pix_fmt yuv420p
make refresh.h264 96x64 14 -c:v libx264 -crf 38 -x264-params keyint=6:intra-refresh=1:bframes=0:scenecut=0 -pix_fmt yuv420p
make fields.h264 96x64 6 -c:v libx264 -crf 38 -x264-params keyint=6:tff=1:bframes=0:scenecut=0 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6
make cropped.h264 90x50 3 -c:v libx264 -crf 38 -x264-params keyint=6:bframes=0:fullrange=on -pix_fmt yuvj420p -bsf:v filter_units=remove_types=6
make baseline.h265 96x64 8 -c:v libx265 -crf 36 -x265-params keyint=4:bframes=0:scenecut=0:info=0:log-level=none -pix_fmt yuv420p
make bframes.h265 96x64 14 -c:v libx265 -crf 36 -x265-params keyint=8:bframes=3:b-pyramid=1:b-adapt=0:scenecut=0:open-gop=1:info=0:log-level=none -pix_fmt yuv420p
make slices.h265 128x128 6 -c:v libx265 -crf 36 -x265-params keyint=4:bframes=0:slices=2:ctu=16:scenecut=0:aud=1:info=0:log-level=none -pix_fmt yuv420p
make cropped.h265 90x50 3 -c:v libx265 -crf 36 -x265-params keyint=4:bframes=0:info=0:range=full:log-level=none -pix_fmt yuvj420p
