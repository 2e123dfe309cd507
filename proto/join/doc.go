// Package join is how a reader joins and leaves a stream without RTSP, over one UDP port:
// camcast://HOST:PORT/NAME. PROTOCOL.md beside it is its specification.
//
//	reader                              broadcaster
//	  JOIN, no cookie          ->
//	                           <-       CHALLENGE: a cookie, no longer than the request
//	  JOIN, with the cookie    ->
//	                           <-       ACCEPT: what the stream is
//	                           <-       RTP
//	  receiver reports, BYE    ->
//
// The broadcaster keeps nothing of a reader that has not returned a cookie, which is a code over
// the address, the stream and the time (Cookies). All messages are RTCP packets, so that
// they share a port with RTP and RTCP (RFC 5761).
//
// Nothing here does I/O or has a clock. A broadcaster parses requests with ParseRequest
// and answers with the Append functions, which allocate nothing; a reader runs a Client.
package join
