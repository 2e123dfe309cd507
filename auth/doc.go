// Package auth decides by passwords who may watch which stream of a cast.Broadcaster: a Gate admits
// Users, who come from a file or from a program of one's own. It keeps no password, but what proves
// one (cast.Secret).
//
// The file has a line for each user, which "camcast passwd" writes, and Update:
//
//	# comments and empty lines are skipped
//	NAME:view|admin:STREAMS|*:HA1-MD5:HA1-SHA256:JOINKEY
//
// The last three fields are hexadecimal digits, and each is as good as the password: the file must not
// be read by others (ReadFile).
package auth
