package http

// RunBy has the server be run by another user. It returns what undoes that.
func RunBy(user int) (undo func()) {
	before := ownUser
	ownUser = func() int { return user }
	return func() { ownUser = before }
}
