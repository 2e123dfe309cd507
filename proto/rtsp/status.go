package rtsp

import "strconv"

// Status is an RTSP status code, 200 to 551 (RFC 2326 section 7.1.1).
type Status uint16

// The status codes this package sends, and those that a [Media] may want to send.
const (
	StatusOK                     Status = 200
	StatusBadRequest             Status = 400
	StatusUnauthorized           Status = 401
	StatusForbidden              Status = 403
	StatusNotFound               Status = 404
	StatusMethodNotAllowed       Status = 405
	StatusNotAcceptable          Status = 406
	StatusRequestTimeout         Status = 408
	StatusRequestEntityTooLarge  Status = 413
	StatusRequestURITooLarge     Status = 414
	StatusParameterNotUnderstood Status = 451
	StatusNotEnoughBandwidth     Status = 453
	StatusSessionNotFound        Status = 454
	StatusMethodNotValidInState  Status = 455
	StatusInvalidRange           Status = 457
	StatusAggregateNotAllowed    Status = 459
	StatusUnsupportedTransport   Status = 461
	StatusInternalServerError    Status = 500
	StatusNotImplemented         Status = 501
	StatusServiceUnavailable     Status = 503
	StatusVersionNotSupported    Status = 505
	StatusOptionNotSupported     Status = 551
)

// reasons are the phrases of RFC 2326 section 7.1.1.
var reasons = map[Status]string{
	StatusOK:                     "OK",
	StatusBadRequest:             "Bad Request",
	StatusUnauthorized:           "Unauthorized",
	StatusForbidden:              "Forbidden",
	StatusNotFound:               "Not Found",
	StatusMethodNotAllowed:       "Method Not Allowed",
	StatusNotAcceptable:          "Not Acceptable",
	StatusRequestTimeout:         "Request Timeout",
	StatusRequestEntityTooLarge:  "Request Entity Too Large",
	StatusRequestURITooLarge:     "Request-URI Too Large",
	StatusParameterNotUnderstood: "Parameter Not Understood",
	StatusNotEnoughBandwidth:     "Not Enough Bandwidth",
	StatusSessionNotFound:        "Session Not Found",
	StatusMethodNotValidInState:  "Method Not Valid in This State",
	StatusInvalidRange:           "Invalid Range",
	StatusAggregateNotAllowed:    "Aggregate Operation Not Allowed",
	StatusUnsupportedTransport:   "Unsupported Transport",
	StatusInternalServerError:    "Internal Server Error",
	StatusNotImplemented:         "Not Implemented",
	StatusServiceUnavailable:     "Service Unavailable",
	StatusVersionNotSupported:    "RTSP Version Not Supported",
	StatusOptionNotSupported:     "Option Not Supported",
}

// String is the reason phrase, or the number where this package has no phrase for it.
func (s Status) String() string {
	if reason, ok := reasons[s]; ok {
		return reason
	}
	return "Status " + strconv.Itoa(int(s))
}
