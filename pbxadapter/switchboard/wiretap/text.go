package wiretap

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes one line that does nothing to a terminal and takes as many columns as width says: everything that isn't seen, or that
// joins its neighbour, becomes a dot (control characters, escapes, joiners, marks, changes of direction), tabs a blank.
func printable(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\u00a0':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r) || unicode.IsMark(r):
			return '·'
		}
		return r
	}, s)
}

// wide are the characters that take two columns (UAX 11, in broad strokes).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1},
		{0x231a, 0x231b, 1},
		{0x2329, 0x232a, 1},
		{0x23e9, 0x23f3, 1},
		{0x25fd, 0x25fe, 1},
		{0x2614, 0x2615, 1},
		{0x2630, 0x2637, 1},
		{0x2648, 0x2653, 1},
		{0x267f, 0x26ff, 1},
		{0x2705, 0x27bf, 1},
		{0x2b1b, 0x2b55, 1},
		{0x2e80, 0x303e, 1},
		{0x3041, 0xa4cf, 1},
		{0xa960, 0xa97c, 1},
		{0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1},
		{0xfe10, 0xfe19, 1},
		{0xfe30, 0xfe6f, 1},
		{0xff01, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x16fe0, 0x1b2ff, 1}, {0x1d300, 0x1d37f, 1}, {0x1f004, 0x1faff, 1}, {0x20000, 0x3fffd, 1}},
}

func runeWidth(r rune) int {
	if r >= 0x1100 && unicode.Is(wide, r) {
		return 2
	}
	return 1
}

// width is how many columns printable text takes.
func width(s string) (n int) {
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// fit makes printable text take exactly so many columns, with … where it was cut.
func fit(s string, columns int) string {
	s = clip(s, columns)
	return s + strings.Repeat(" ", max(0, columns-width(s)))
}

// clip makes printable text take at most so many columns, with … where it was cut.
func clip(s string, columns int) string {
	if len(s) <= columns || width(s) <= columns {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n >= columns {
			if columns <= 0 {
				return ""
			}
			return s[:i] + "…"
		}
	}
	return s
}

// wrap cuts printable text into pieces of at most so many columns, at least one.
func wrap(s string, columns int) (pieces []string) {
	from, n := 0, 0
	for i, r := range s {
		if w := runeWidth(r); n+w > columns && i > from {
			pieces, from, n = append(pieces, s[from:i]), i, w
		} else {
			n += w
		}
	}
	return append(pieces, s[from:])
}
