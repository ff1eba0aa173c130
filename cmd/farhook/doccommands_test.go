package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var (
	commandLine = regexp.MustCompile("(?m)^(?: {4}|\x00)(?:sudo (?:-u farhook )?)?farhook ([^\n`]+)$")
	shellWord   = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)
)

// Every farhook command that a page shows on a line of its own, run by CI or not, is one that there is, with arguments that it has.
func TestCommandLinesOfDocs(t *testing.T) {
	n := 0
	all := pages(t)
	t.Chdir(t.TempDir()) // where the placeholder of a folder is one
	if err := os.Mkdir("DIR", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, page := range all {
		for _, script := range slices.Concat(blocks(page, "sh run"), blocks(page, "sh live"), blocks(page, "sh end")) {
			page += "\n\x00" + strings.ReplaceAll(script, "\n", "\n\x00")
		}
		for _, m := range commandLine.FindAllStringSubmatch(page, -1) {
			text, _, _ := strings.Cut(m[1], " #")
			for _, end := range []string{" > ", " | ", " || ", " && ", "; "} {
				text, _, _ = strings.Cut(text, end)
			}
			var args []string
			for _, w := range shellWord.FindAllString(text, -1) {
				args = append(args, strings.Trim(w, `"'`))
			}
			var c cli
			parser, err := kong.New(&c, kong.Name("farhook"), kong.Vars{"version": "", "max_lines": "1"}, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(args); err != nil {
				t.Errorf("%s: farhook %s: %v", name, m[1], err)
			}
			n++
		}
	}
	if n < 20 {
		t.Errorf("only %d commands", n)
	}
}
