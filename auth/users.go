package auth

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Users are the users of a Gate. They do not change, so that any goroutine may read them.
type Users struct {
	list   []User
	byName map[string]int // the indices
}

// NewUsers makes Users of some users, or says what is wrong with one.
func NewUsers(users ...User) (*Users, error) {
	all := &Users{byName: map[string]int{}}
	for _, u := range users {
		if err := u.Check(); err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
		if _, twice := all.byName[u.Name]; twice {
			return nil, fmt.Errorf("there are two users %q", u.Name)
		}
		all.add(u)
	}
	return all, nil
}

func (all *Users) add(u User) {
	all.byName[u.Name] = len(all.list)
	u.Streams = slices.Clone(u.Streams)
	all.list = append(all.list, u)
}

// Find finds a user by the name.
func (all *Users) Find(name string) (u User, found bool) {
	if i, found := all.byName[name]; found {
		return all.list[i], true
	}
	return User{}, false
}

// All are the users, in their order in the file.
func (all *Users) All() iter.Seq[User] { return slices.Values(all.list) }

// Len is how many there are.
func (all *Users) Len() int { return len(all.list) }

// Format prints how many they are, whatever the verb, and no secret.
func (all *Users) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%d users", len(all.list)) }

// Parse understands a file's text. Empty lines and lines that begin with '#' are no users. The
// error names the file and the line, and repeats no secret.
func Parse(file string, text []byte) (*Users, error) {
	all := &Users{byName: map[string]int{}}
	lineOf := map[string]int{}
	for number, line := range linesOf(text) {
		u, err := parseUser(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, number, err)
		}
		if before := lineOf[u.Name]; before != 0 {
			return nil, fmt.Errorf("%s:%d: user %q is in line %d, too", file, number, u.Name, before)
		}
		lineOf[u.Name] = number
		all.add(u)
	}
	return all, nil
}

// linesOf are the lines that are users, without their ends, and their numbers from 1 on.
func linesOf(text []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range bytes.Lines(text) {
			number++
			s := withoutEnd(string(line))
			if s == "" || s[0] == '#' {
				continue
			}
			if !yield(number, s) {
				return
			}
		}
	}
}

// withoutEnd is a line without its end, of either kind.
func withoutEnd(line string) string { return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") }
