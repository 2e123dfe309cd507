package commandline

import "fmt"

// Count is a number and what it counts, in the plural unless it is 1: "1 reader", "2 readers".
func Count[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
