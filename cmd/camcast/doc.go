// Command camcast streams cameras to any number of viewers, from one thread.
//
// It is flags and wiring; package cast does the work. camcast --help prints its usage.
package main
