package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// look is how what a command prints should look.
type look struct {
	Color string `enum:"auto,always,never" default:"auto" aliases:"colour" help:"Colours: auto, always or never; auto is on a terminal, unless NO_COLOR is set."`
	Width int    `help:"Columns; default COLUMNS, else those of the terminal, else 100. A ladder takes 60 at least."`
}

// terminal gives the file of a terminal that is written to.
func terminal(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// colours says whether what is written there has colours. NO_COLOR counts where it isn't empty (no-color.org), and what is asked for in so many words counts more.
func (l look) colours(w io.Writer) bool {
	if l.Color == "always" || l.Color == "never" {
		return l.Color == "always"
	}
	_, ok := terminal(w)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// columns is how wide what is written there may be; 0 where nobody says.
func (l look) columns(w io.Writer) int {
	if l.Width > 0 {
		return l.Width
	}
	if n, err := strconv.ParseUint(os.Getenv("COLUMNS"), 10, 15); err == nil && n > 0 {
		return int(n)
	}
	if fd, ok := terminal(w); ok {
		if n, _, err := term.GetSize(fd); err == nil && n > 0 {
			return n
		}
	}
	return 0
}
