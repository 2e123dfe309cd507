package file

import (
	"cmp"
	"slices"
	"strings"
)

// compareNames orders names as people do: numbers in them by their value. No two names are equal.
func compareNames(a, b string) int { return cmp.Or(compareNatural(a, b), strings.Compare(a, b)) }

// compareNatural orders names as people do: numbers in them by their value.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		if digitsA > 0 && digitsB > 0 {
			numberA, numberB := strings.TrimLeft(a[:digitsA], "0"), strings.TrimLeft(b[:digitsB], "0")
			if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
				return c
			}
			a, b = a[digitsA:], b[digitsB:]
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

// nameList are the names of pictures in their order, and which of them is next.
type nameList struct {
	names []string
	at    int    // index of the next one
	last  string // the one before it; "" at the beginning
}

// reset takes other names, and goes on behind the last one.
func (l *nameList) reset(names []string) {
	slices.SortFunc(names, compareNames)
	l.names, l.at = names, 0
	if l.last != "" {
		l.goOnAfter(l.last)
	}
}

func (l *nameList) goOnAfter(last string) {
	i, isThere := slices.BinarySearchFunc(l.names, last, compareNames)
	if isThere {
		i++
	}
	l.at, l.last = i, last
}

// pass goes to the next name.
func (l *nameList) pass() { l.last, l.at = l.names[l.at], l.at+1 }

// next is the next name, "" at the end.
func (l *nameList) next() string {
	if l.at >= len(l.names) {
		return ""
	}
	return l.names[l.at]
}

func (l *nameList) add(name string) {
	i, isThere := slices.BinarySearchFunc(l.names, name, compareNames)
	if isThere {
		return
	}
	l.names = slices.Insert(l.names, i, name)
	if l.last != "" && compareNames(name, l.last) <= 0 {
		l.at++
	}
}

func (l *nameList) remove(name string) {
	i, isThere := slices.BinarySearchFunc(l.names, name, compareNames)
	if !isThere {
		return
	}
	l.names = slices.Delete(l.names, i, i+1)
	if i < l.at {
		l.at--
	}
}
