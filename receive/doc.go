// Package receive is a session with a server that sends RTP, on a readiness loop: what camview
// watches a stream with, and what the source capture/rtsp is made of.
//
//	RTSP: a connection and, by UDP, a pair of sockets -> Listener
//	Listener's packets -> Reception: pictures by package view, and reports to the server
//
// A server that sends something else, too much, or nothing harms nobody: what is held is bounded,
// and the session ends with an error of one line that can be shown. Nothing here decides how long
// to wait for a server, nor whether to try again: that is the Listener's business.
//
// All of it belongs to the loop's goroutine, but for Lookup, which waits for the resolver and is
// called by others. Passwords are in no error.
package receive
