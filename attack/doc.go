// Package attack has the tests that attack the daemon, as strangers on its network can.
//
// Each attack runs twice beside the same 20 viewers: once its traffic goes to the daemon that
// serves them, and once to a process that only discards it, so that what the traffic itself costs
// the machine is in both runs. The viewers must get as many frames in the first run as in the
// second, and others must be able to join meanwhile. SECURITY.md lists the attacks.
//
// go test runs each at a tenth of its load for about a second, as many at a time as there are
// CPUs, and judges frames and joins. With -full (make test-attack) each has its full load, for ten
// seconds in three pairs of runs, and the ages of frames and the time of the daemon's turns are
// judged, too.
//
// All traffic stays on the loopback interface, and ends with the test. Where an attack needs many
// addresses they are those of 127.0.0.0/8.
package attack
