package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// The texts that packages carry are made from the commands themselves: what shells complete, and the manual page.

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

type manCmd struct{}

// Run of completion.
func (c *completionCmd) Run(s *streams, k *kong.Context) error {
	switch c.Shell {
	case "bash":
		bashCompletion(s.out, k.Model.Node)
	case "zsh":
		fmt.Fprintln(s.out, "#compdef farhook\nautoload -U +X bashcompinit && bashcompinit")
		bashCompletion(s.out, k.Model.Node)
		// As a file of a folder of completions it is run when the first word is to be completed, and not before.
		fmt.Fprintln(s.out, `if [ "$funcstack[1]" = _farhook ]; then _bash_complete -o filenames -F _farhook; fi`)
	case "fish":
		fishCompletion(s.out, k.Model.Node)
	}
	return nil
}

// shown are a command's commands that help shows.
func shown(n *kong.Node) []*kong.Node {
	var list []*kong.Node
	for _, c := range n.Children {
		if !c.Hidden && c.Type == kong.CommandNode {
			list = append(list, c)
		}
	}
	return list
}

// flags are those of a command, and those it has from above.
func flags(n *kong.Node) []*kong.Flag {
	var list []*kong.Flag
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				list = append(list, f)
			}
		}
	}
	return list
}

// walk visits a command and all below it; path is the words that lead to it.
func walk(n *kong.Node, path string, visit func(path string, n *kong.Node)) {
	visit(path, n)
	for _, c := range shown(n) {
		walk(c, strings.TrimSpace(path+" "+c.Name), visit)
	}
}

// isFile says whether a value is a file's path.
func isFile(v *kong.Value) bool {
	p := strings.ToLower(v.Tag.PlaceHolder + " " + v.Name)
	return strings.Contains(p, "file") || strings.Contains(p, "path")
}

func bashCompletion(w io.Writer, root *kong.Node) {
	fmt.Fprintln(w, "# farhook: made by farhook completion")
	fmt.Fprintln(w, "_farhook() {\n  local path= word i=1\n  COMPREPLY=()\n  while [ $i -lt $COMP_CWORD ]; do\n    word=${COMP_WORDS[i]}\n    case \"$path $word\" in")
	walk(root, "", func(path string, n *kong.Node) {
		for _, c := range shown(n) {
			fmt.Fprintf(w, "      %q) path=%q;;\n", path+" "+c.Name, strings.TrimSpace(path+" "+c.Name))
		}
	})
	fmt.Fprintln(w, "    esac\n    i=$((i + 1))\n  done\n  case \"${COMP_WORDS[COMP_CWORD-1]}\" in")
	files := map[string]bool{}
	walk(root, "", func(_ string, n *kong.Node) {
		for _, f := range n.Flags {
			if name := "--" + f.Name; isFile(f.Value) && !files[name] {
				files[name] = true
				fmt.Fprintf(w, "    %s) COMPREPLY=($(compgen -f -- \"$2\")); return;;\n", name)
			}
		}
	})
	fmt.Fprintln(w, "  esac\n  local words=\n  case \"$path\" in")
	walk(root, "", func(path string, n *kong.Node) {
		var words []string
		for _, c := range shown(n) {
			words = append(words, c.Name)
		}
		for _, f := range flags(n) {
			words = append(words, "--"+f.Name)
		}
		rest := ""
		for _, p := range n.Positional {
			if isFile(p) {
				rest = "; COMPREPLY=($(compgen -f -- \"$2\"))"
			}
		}
		fmt.Fprintf(w, "    %q) words=%q%s;;\n", path, strings.Join(words, " "), rest)
	})
	fmt.Fprintln(w, "  esac\n  COMPREPLY+=($(compgen -W \"$words\" -- \"$2\"))\n}\ncomplete -o filenames -F _farhook farhook")
}

func fishCompletion(w io.Writer, root *kong.Node) {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	fmt.Fprintln(w, "# farhook: made by farhook completion\ncomplete -c farhook -f")
	walk(root, "", func(path string, n *kong.Node) {
		when := "__fish_use_subcommand"
		if path != "" {
			when = "__fish_seen_subcommand_from " + path[strings.LastIndex(path, " ")+1:]
		}
		for _, c := range shown(n) {
			fmt.Fprintf(w, "complete -c farhook -n %s -a %s -d %s\n", quote(when), c.Name, quote(c.Help))
		}
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			needs := ""
			if !f.IsBool() {
				needs = " -r"
			}
			if isFile(f.Value) {
				needs = " -rF"
			}
			fmt.Fprintf(w, "complete -c farhook -n %s -l %s%s -d %s\n", quote(when), f.Name, needs, quote(f.Help))
		}
	})
}

// roff is text as a manual page has it.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// Run of man.
func (*manCmd) Run(s *streams, k *kong.Context) error {
	w := s.out
	fmt.Fprintf(w, ".TH FARHOOK 1 \"\" %q \"User Commands\"\n.SH NAME\nfarhook \\- remote call control gateway\n", "farhook "+versionText())
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B farhook\n.I command\n.RI [ options ]\n.SH DESCRIPTION\n%s\n", roff(k.Model.Help))
	fmt.Fprint(w, ".SH COMMANDS\n")
	walk(k.Model.Node, "", func(path string, n *kong.Node) {
		if path == "" || len(shown(n)) > 0 {
			return
		}
		fmt.Fprintf(w, ".SS farhook %s", roff(path))
		for _, p := range n.Positional {
			fmt.Fprintf(w, " %s", roff(p.Summary()))
		}
		fmt.Fprintf(w, "\n%s\n", roff(n.Help))
		for _, p := range n.Positional {
			fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(p.Summary()), roff(p.Help))
		}
		for _, f := range n.Flags {
			if f.Hidden || f.Name == "help" {
				continue
			}
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(f.Summary()), roff(f.Help))
		}
	})
	fmt.Fprint(w, `.SH FILES
.TP
.I /etc/farhook/farhook.yaml
the configuration of the installed service; farhook config example prints one with every key explained
.TP
.I /var/lib/farhook
what outlives a restart: sessions, history, the audit record
.SH EXIT STATUS
0 where all went well, 1 where something failed, 2 for a command line that isn't one. farhook doctor: 0 nothing is wrong, 1 warnings, 2 something is broken.
`)
	return nil
}
