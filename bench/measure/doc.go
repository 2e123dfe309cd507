// Package measure runs a model with its readers and measures it.
//
// A Run is two processes: the sender, with its children and the broker if there is one,
// and the readers. Both are the program that measures, started again: it calls Main
// first thing. The sender makes and sends a frame when it is told to, at the rate of the
// broadcast, or as soon as it has sent the one before.
//
// What the sender's side has used of the CPU is divided by the frames that readers got:
// how many the checked ones got stands for all. On a rig that is one machine, the
// network's part is on the bill of whoever sends.
package measure
