// Package testcard is a picture source that needs no camera: colour bars, something
// that moves, the number of the frame, and the time of day to the millisecond, so that a
// person who sees the card beside a clock can read the latency off the screen.
//
// The number and the time are also drawn as black and white squares at the bottom of
// the picture, which Read understands after the picture has been through an encoder, a
// network and a player: so a program can measure latency and find missing frames.
//
// A worker draws and encodes. If a frame takes it longer than the interval there are fewer
// frames, and the loop does not wait.
package testcard
