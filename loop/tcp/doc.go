// Package tcp is TCP on a readiness loop: a listener, and connections with a bounded
// outgoing queue.
//
// What arrives is handed to the connection's Handler as it comes, but between Pause and
// Resume. With Listener.Limit accepting and reading keep to a loop.Budget.
//
// There are two ways to write. Write is for what must arrive and is small, such as a reply:
// what the socket does not take is copied to the connection's queue, up to a limit. Send is
// for what is large and shared, such as a frame: it hands vectors straight to the
// socket, and what that does not take is left to the caller, who goes on when the
// Handler is told that the connection is writable. Nothing of a Send is ever queued,
// so that a slow reader costs no memory. What Write has queued goes first.
package tcp
