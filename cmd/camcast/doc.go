// Command camcast puts cameras before any number of viewers, from one thread.
//
// It is flags and wiring: what it does is in package cast. camcast --help tells its
// usage.
package main
