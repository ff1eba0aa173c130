package wiretap

import "strings"

// painter puts colours around printable text, where it is on; what it gives has the width of what it got. The codes are those of ECMA-48, 8.3.117 (SGR), which every
// terminal has, and each is ended where its text ends: nothing of it outlives a line.
type painter bool

const (
	bold    = "1"
	faint   = "2"
	red     = "31" // what was refused
	green   = "32" // events
	blue    = "34" // SIP and CSTA
	magenta = "35" // PBXs
)

// sessionColours tell sessions apart; more sessions share them. None of them is one of the above.
var sessionColours = [...]string{"36", "33", "96", "93", "94", "95"}

func (p painter) paint(code, text string) string {
	if !p || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// session paints what belongs to one of the sessions.
func (p painter) session(i int, text string) string {
	return p.paint(sessionColours[i%len(sessionColours)], text)
}

// side is the colour of a message's layer.
func (l Layer) side() string {
	if l == PBX {
		return magenta
	}
	return blue
}

// colour is that of what a message says; none for most.
func (l label) colour() string {
	switch {
	case l.refused:
		return red
	case strings.HasSuffix(l.root, "Event"):
		return green
	}
	return ""
}

// said paints what a message says.
func (p painter) said(l label, text string) string {
	if c := l.colour(); c != "" {
		return p.paint(c, text)
	}
	return text
}
