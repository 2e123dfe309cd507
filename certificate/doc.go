// Package certificate has the certificates of a TLS server: it makes self-signed ones, reads
// others from files and says what is wrong with them, and exchanges the one in use.
package certificate
