// Package uactest plays conversations: files that say, step by step, what UC peers send, what they must get, and what happens at the phones
// meanwhile. Nothing in them depends on the clock.
package uactest

import (
	"fmt"
	"strings"
)

// File is one conversation.
type File struct {
	Name     string
	Comments []string // lines before the first step, without their #
	Steps    []Step
}

// Step is one thing that is done or expected.
type Step struct {
	Kind Kind
	Peer string // who sends or gets it
	What string // of Send and Get: the method or the status; may be empty where Text is a whole message
	Text string // message, body, or lines for the PBX
	Line int    // in the file
}

// Kind of step.
type Kind int

// The kinds. PBX: lines for the phones. Send: a message goes out. Get: one must come, and none else before it. Quiet: nothing has come.
const (
	PBX Kind = iota
	Send
	Get
	Quiet
)

// Parse reads a conversation:
//
//	# what it shows
//	-- pbx --
//	1002 dials tel:+15551001
//	-- alice > INFO --
//	<AnswerCall …/>
//	-- alice < INFO --
//	<EstablishedEvent …/>
//
// A message that is given whole begins with its start line; else it is a body, and the peer's profile makes the rest. Between lines of ~~~ there
// may be several whole ones, which go out in one segment; "> octets" sends a quoted string as it is. $name stands for whatever is there when it
// is first met, and for the same from then on; $_ for anything within a word, $* for anything within a line. A peer whose name begins
// with "silent" answers no event.
func Parse(name, text string) (*File, error) {
	f := &File{Name: name}
	var body []string
	flush := func() {
		if n := len(f.Steps); n > 0 {
			f.Steps[n-1].Text = strings.Trim(strings.Join(body, "\n"), "\n")
		}
		body = nil
	}
	for i, line := range strings.Split(text, "\n") {
		head, ok := strings.CutPrefix(line, "-- ")
		if !ok || !strings.HasSuffix(head, " --") {
			switch {
			case len(f.Steps) > 0:
				body = append(body, strings.TrimRight(line, "\r"))
			case strings.HasPrefix(line, "#"):
				f.Comments = append(f.Comments, strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
			case strings.TrimSpace(line) != "":
				return nil, fmt.Errorf("%s:%d: want a comment or a step, such as -- alice > INFO --", name, i+1)
			}
			continue
		}
		flush()
		s, err := parseHead(strings.Fields(strings.TrimSuffix(head, " --")))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		s.Line = i + 1
		f.Steps = append(f.Steps, s)
	}
	flush()
	if len(f.Steps) == 0 {
		return nil, fmt.Errorf("%s: there is no step", name)
	}
	return f, nil
}

func parseHead(words []string) (Step, error) {
	switch {
	case len(words) == 1 && words[0] == "pbx":
		return Step{Kind: PBX}, nil
	case len(words) == 2 && words[1] == "quiet":
		return Step{Kind: Quiet, Peer: words[0]}, nil
	case len(words) >= 2 && words[1] == ">":
		return Step{Kind: Send, Peer: words[0], What: strings.Join(words[2:], " ")}, nil
	case len(words) >= 2 && words[1] == "<":
		return Step{Kind: Get, Peer: words[0], What: strings.Join(words[2:], " ")}, nil
	}
	return Step{}, fmt.Errorf("%q is no step: want pbx, NAME > METHOD, NAME < STATUS-OR-METHOD, or NAME quiet", strings.Join(words, " "))
}

// String is the conversation as a file.
func (f *File) String() string {
	var b strings.Builder
	for _, c := range f.Comments {
		b.WriteString(strings.TrimRight("# "+c, " ") + "\n")
	}
	for _, s := range f.Steps {
		switch s.Kind {
		case PBX:
			b.WriteString("-- pbx --\n")
		case Quiet:
			fmt.Fprintf(&b, "-- %s quiet --\n", s.Peer)
		case Send:
			b.WriteString(strings.TrimRight(fmt.Sprintf("-- %s > %s", s.Peer, s.What), " ") + " --\n")
		case Get:
			b.WriteString(strings.TrimRight(fmt.Sprintf("-- %s < %s", s.Peer, s.What), " ") + " --\n")
		}
		if s.Text != "" {
			b.WriteString(s.Text + "\n")
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
