package config

import (
	"fmt"
	"strings"
)

// unknownKey says that a key of the file is not known, and which one may be meant.
func unknownKey(name string) string {
	near := nearest(name, namesBelow(""))
	message := fmt.Sprintf("unknown key %q; the nearest known one is %q", cut(name), near)
	if strings.HasSuffix(near, "password_file") && strings.HasSuffix(name, "password") {
		message += ", which names a file that holds the password"
	}
	return message
}

// nearest gives the known name that is spelled most like name: the fewest letters to
// change, whether the whole is mistyped or the last part stands in the wrong section.
func nearest(name string, known []string) string {
	best, least := "", -1
	for _, k := range known {
		d := distance(name, k)
		if byLast := 1 + distance(last(name), last(k)); byLast < d {
			d = byLast
			if !strings.HasPrefix(k, parent(name)) {
				d++ // of two that end alike, the one in the same section
			}
		}
		if least < 0 || d < least {
			best, least = k, d
		}
	}
	return best
}

// namesBelow gives every name under a section: of keys, and of the sections in it.
func namesBelow(name string) []string {
	var all []string
	for _, n := range below(name) {
		all = append(append(all, n), namesBelow(n)...)
	}
	return all
}

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func parent(name string) string { return name[:strings.LastIndexByte(name, '.')+1] }

// distance counts the letters to insert, remove, replace or swap with their neighbour to
// make a into b (optimal string alignment).
func distance(a, b string) int {
	const most = 256 // the work grows with the square
	a, b = a[:min(len(a), most)], b[:min(len(b), most)]
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
