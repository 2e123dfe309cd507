// Package bench measures the same broadcast by several models, side by side.
//
//	go test -run '^$' -bench Fanout ./bench
//	go test -run '^$' -bench 'Fanout/net=lo/model=loop/readers=1000$' ./bench
//	go test -run '^$' -bench Ratio ./bench
//
// Each model sends the same frames, 30 packets of 1400 bytes, to the same number of
// readers. A model is one file against the interface Model. Its figures depend on the
// machine; compare those of one run only. Ratio runs the models in turns and prints the
// ratios of the medians.
//
// As root the readers are behind a veth pair between two network namespaces, which are
// made and removed for each benchmark: the far side drops all that comes, so what is
// measured is sending alone. "veth" takes whole segmented messages, as a network card
// does that cuts them; "veth-nooffload" has the kernel cut them. "lo" is the loopback
// interface, with one receiver whose buffer is full. Without root there is only "lo", and
// the others say so.
package bench
