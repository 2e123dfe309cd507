// Package logqueue lets a loop log without waiting for whoever reads the log.
//
// A terminal that is stopped, a pipe that nobody reads or a full disk make the writer of a log
// wait. A Queue is a slog.Handler that puts records into a bounded queue, and a goroutine hands
// them to the handler behind it. What does not fit is counted, and the count is logged as soon
// as there is room. Of lines that repeat themselves - the same message about the same host -
// only some are logged each second; the next one says how many were left out.
package logqueue
