// Package bench measures the same broadcast by several models, side by side.
//
//	go test -run '^$' -bench Fanout ./bench
//	go test -run '^$' -bench 'Fanout/net=lo/model=loop/readers=1000$' ./bench
//	go test -run '^$' -bench Fanout/net=veth$/model=/readers=100$ -benchtime 30x ./bench
//	go test -run '^$' -bench 'Ratio|Capacity' -benchtime 1x ./bench
//	make bench
//
// Each model sends the same frames, 30 packets of 1400 bytes, at 30 frames/s to the same
// number of readers. A model is one file in bench/model. Its figures depend on the
// machine; compare those of one run only. Ratio runs some models in turns and prints the
// ratios of the medians; Capacity finds how many readers each holds; make bench runs
// everything and writes bench/report.
//
// The sender and the readers are processes of their own (bench/measure, bench/audience),
// in networks that are made for them and vanish with the test, however it ends (bench/rig).
// As root the readers are behind a veth pair between two network namespaces; without, there
// is only "lo", and the others say so. A few of the readers look at every frame: what was
// lost, came late or is damaged stands in the figures, and TestHonesty proves it.
//
// H264 and H264Ratio are Fanout and Ratio with frames of H.264, 7 packets of 1200 bytes and one
// IDR picture of 40 in 60, by the models that take them.
//
// WebRTC and WebRTCRatio are the same for models that seal packets for each reader, and WebRTCCrowd has a
// thousand readers open what they get for a minute. Readers with keys that they are given count each packet that is
// missing, misplaced or not sealed with their key, which TestPacketsHonesty proves; those of pion are pion.
//
// Further benchmarks are of camcast alone: Hall (ten thousand readers for ten seconds,
// with copies that the kernel makes and without),
// SRTP (plain and sealed readers in turns), Stuck (readers that stop reading), Narrow (a small queue on the way) and Transcode (another
// stream that must be transcoded).
package bench
