// Package media says what a coded frame is: its format, its parameters, its bytes and
// when it was taken. Sources make frames, the broadcaster keeps the recent ones, and each
// front lays them out in its protocol's form. The package does nothing and imports nothing
// of this module, so that all of them can share it.
package media
