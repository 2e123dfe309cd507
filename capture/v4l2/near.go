package v4l2

import (
	"slices"
	"strings"
)

// near are the names, at most five, that somebody may have meant who wrote another: those that have it
// in them, or have a word of it, or differ by a few letters. The nearest comes first.
func near(wanted string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	words := strings.Split(wanted, "_")
	for _, name := range names {
		d := editDistance(wanted, name)
		hasWord := slices.ContainsFunc(strings.Split(name, "_"), func(word string) bool {
			return slices.ContainsFunc(words, func(w string) bool {
				return len(w) > 3 && len(word) > 3 && editDistance(w, word) <= 1
			})
		})
		if d <= 1+len(wanted)/4 || wanted != "" && strings.Contains(name, wanted) || hasWord {
			found = append(found, candidate{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var like []string
	for _, c := range found[:min(len(found), 5)] {
		like = append(like, c.name)
	}
	return like
}

// editDistance is how many letters must be inserted, deleted or replaced to make b of a (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
