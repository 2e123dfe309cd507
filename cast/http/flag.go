package http

import "sync/atomic"

// atomicFlag is set once, by any goroutine.
type atomicFlag struct{ isSet atomic.Bool }

// set sets it, and reports whether that was the first time.
func (f *atomicFlag) set() bool { return f.isSet.CompareAndSwap(false, true) }
