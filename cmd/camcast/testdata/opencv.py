#!/usr/bin/env python3
"""Writes the pictures of an RTSP stream to standard output as OpenCV reads them, planar 4:2:0.
usage: opencv.py TRANSPORT URL"""
import os, sys

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{sys.argv[1]}|timeout;5000000"
import cv2

stream = cv2.VideoCapture(sys.argv[2], cv2.CAP_FFMPEG)
if not stream.isOpened():
    sys.exit("it cannot be opened")
while True:
    whole, picture = stream.read()
    if not whole:
        sys.exit("it has ended")
    sys.stdout.buffer.write(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())
