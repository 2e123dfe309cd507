package ring

// Large is how many slots have room for so many bytes.
func (r *Ring) Large(bytes int) (n int) {
	for _, f := range r.slots {
		if cap(f.buffer) >= bytes {
			n++
		}
	}
	return n
}
