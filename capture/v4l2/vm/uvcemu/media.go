package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
)

// media makes the pictures that the camera takes, by format and size: four of each, in
// turn.
func media() map[string][][]byte {
	m := map[string][][]byte{}
	for _, f := range formats {
		for _, d := range f.frames {
			k := fmt.Sprintf("%s%dx%d", f.kind, d.w, d.h)
			for i := 0; i < 4; i++ {
				switch f.kind {
				case "MJPG":
					im := image.NewYCbCr(image.Rect(0, 0, d.w, d.h), image.YCbCrSubsampleRatio422)
					for y := 0; y < d.h; y++ {
						for x := 0; x < d.w; x++ {
							im.Y[im.YOffset(x, y)] = uint8(x + y*2 + i*64)
						}
					}
					var b bytes.Buffer
					jpeg.Encode(&b, im, &jpeg.Options{Quality: 70})
					m[k] = append(m[k], b.Bytes())
				case "YUYV":
					m[k] = append(m[k], bytes.Repeat([]byte{byte(i * 60), 128}, d.w*d.h))
				case "H264":
					m[k] = append(m[k], append([]byte{0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{byte(0x80 + i)}, 3000)...))
				}
			}
		}
	}
	if *h264 != "" {
		b, err := os.ReadFile(*h264)
		if err != nil {
			panic(err)
		}
		var aus [][]byte
		sep := []byte{0, 0, 0, 1, 9}
		for i := bytes.Index(b, sep); i >= 0; {
			j := bytes.Index(b[i+5:], sep)
			if j < 0 {
				aus = append(aus, b[i:])
				break
			}
			aus = append(aus, b[i:i+5+j])
			i += 5 + j
		}
		for k := range m {
			if k[:4] == "H264" {
				m[k] = aus
			}
		}
	}
	return m
}

// dump writes the MJPEG pictures to a folder, for others to compare with: WIDTHxHEIGHT-N.jpg.
func dump(folder string, media map[string][][]byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for key, pictures := range media {
		if key[:4] != "MJPG" {
			continue
		}
		for i, p := range pictures {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d.jpg", key[4:], i)), p, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
