package term

// Size is that of a terminal, in character cells.
type Size struct{ Columns, Rows int }

// A terminal may claim any size, and memory is held for each of its cells.
const (
	maxColumns = 2000
	maxRows    = 1000
)

// usable is the size within what is supported. A terminal that does not know its size
// says that it is 0 by 0, and is taken for one of old.
func (s Size) usable() Size {
	if s.Columns <= 0 || s.Rows <= 0 {
		return Size{80, 24}
	}
	return Size{min(s.Columns, maxColumns), min(s.Rows, maxRows)}
}

// fit is the largest size, in half cells, at which a picture of width by height pixels
// fits into room without being distorted. Its height is even: whole cells.
func fit(width, height int, room Size) (w, h int) {
	roomHeight := 2 * room.Rows
	w, h = room.Columns, (room.Columns*height+width/2)/width
	if h > roomHeight {
		w, h = (roomHeight*width+height/2)/height, roomHeight
	}
	return max(w, 1), max((h+1)/2*2, 2)
}
