// Package client is the reader's side of RTSP 1.0 (RFC 2326): it plays one track of JPEG, H.264 or
// H.265 of a server's, by UDP or interleaved with the connection.
//
//	connected -> Start ->                  OPTIONS  (and again every half of the timeout)
//	             Receive: answer ->        DESCRIBE
//	                      description ->   SETUP    (by UDP; by TCP if that is refused, 461)
//	                      transport ->     PLAY
//	                      Receiver.Playing, RTP and RTCP if they come on the connection
//	             Leave ->                  TEARDOWN, until Done
//
// It does no I/O and has no clock: the caller owns the connection and the UDP sockets,
// writes what the methods append, hands over what it reads, and calls Expire when Next has
// come. A user and a password in the URL are sent when the server wants them (401), by the
// digest scheme, and by the basic one if the caller allows that. Nothing here is safe for concurrent use.
//
// Answers are read by gortsplib's base package, descriptions by its sdpunmarshaler, which
// tolerates what real cameras send.
package client
