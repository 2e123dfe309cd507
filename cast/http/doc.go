// Package http serves a Broadcaster's streams by HTTP: NAME.mjpg, a series of JPEGs that browsers and
// players show (multipart/x-mixed-replace), NAME.jpg, the newest picture, and NAME.sdp, the description. At NAME/whep
// sessions of WebRTC are opened, if Options.WHEP is there.
//
// At / is a page that shows all streams, at /api/v1/ an API that /api/v1/openapi.json describes, at /healthz and /readyz
// whether all is well, and at /metrics what Options.Metrics says.
//
// Requests are answered outside the loop, and streams are served inside: net/http runs on goroutines of its own and
// asks the loop by Post. When a request for a stream is granted, the connection's socket is duplicated, net/http's
// is closed, and the loop writes the response itself. Limits of connections are checked before anything is
// read.
//
// Pages of other sites must not show a camera: the Host of a request must be an IP address, localhost, this
// machine's name or one of Options.Origins, so that a foreign name that resolves to this machine is refused, and requests
// that browsers mark as another site's (Sec-Fetch-Site: cross-site) are refused.
//
// What a gate refuses as cast.Unauthorized is answered by 401: passwords are taken by digest (RFC 7616), and in
// clear text only over TLS or with cast.Config.AllowBasic. For programs that cannot compute a digest, there are tokens,
// which stand in a header or a URL and are good for some streams and some time.
package http
