// Package worker codes frames beside a loop, which must not wait for that: a picture takes
// from one to some hundreds of milliseconds.
//
// A Worker runs one job at a time. Of what comes meanwhile only the newest waits, since it is
// worth most; an older one that waits is dropped and counted. Results come back in order.
//
// It has no goroutine: it is given a function that runs a job elsewhere and the job's result on
// the loop, as capture.Host.Code does. A simulation gives its own.
package worker
