package wiretap

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// LadderOptions say how a ladder is drawn.
type LadderOptions struct {
	Width  int  // columns of the terminal; 100 if 0, and never less than 60
	Bodies bool // each message's text below its line
	Colour bool // for a terminal that has colours: layers, sessions, events, and what was refused
}

const (
	maxColumns   = 4  // for peers; what more there are share the last of their side
	firstBar     = 15 // where the first lifeline stands
	gap          = 7  // and how far apart they are
	maxCarrier   = 15 // columns for "200 (INVITE 10)"
	maxMarks     = 3  // calls named in a line
	traceHead    = "trace"
	traceColumns = 8 // of its digits: enough to tell one from another
)

// Ladder draws messages as a ladder for a terminal: UC peers to the left of farhook, PBXs to the right, a line for each message with
// its time (in the zone that At has), its arrow, what it says in short, and how its trace id begins. A legend tells the peers, sessions and calls. No line is longer than the width, nothing in
// a message can move the cursor or change a colour, and what was cut ends in "…". The error is the writer's.
func Ladder(w io.Writer, records []Record, opt LadderOptions) error {
	out := bufio.NewWriter(w)
	if len(records) == 0 {
		fmt.Fprintln(out, "no messages")
		return out.Flush()
	}
	if opt.Width == 0 {
		opt.Width = 100
	}
	l := ladder{out: out, painter: painter(opt.Colour), width: max(opt.Width, 60), session: make(map[string]int), column: make(map[peer]int), call: make(map[string]int)}
	l.survey(records)
	l.legend()
	l.head(records[0])
	day := records[0].At.Format("2006-01-02")
	for i, r := range records {
		if d := r.At.Format("2006-01-02"); d != day {
			day = d
			l.say("", d, l.bold)
		}
		l.message(r, l.labels[i])
		if opt.Bodies {
			l.body(r)
		}
	}
	return out.Flush()
}

// peer is somebody to the left or right of farhook.
type peer struct {
	name  string
	right bool
}

func peerOf(r Record) peer { return peer{printable(r.Peer), r.Layer == PBX} }

// lifeline is a column.
type lifeline struct {
	head  string
	peers []string
}

type ladder struct {
	painter
	out      *bufio.Writer
	width    int
	columns  []lifeline
	farhook  int // which column that is
	column   map[peer]int
	sessions []Record // the first record of each, with its line
	session  map[string]int
	calls    []string
	call     map[string]int
	labels   []label
	mark     int // columns for the mark of a session,
	carrier  int // for how a message travels,
	trace    int // and for the trace
}

// survey finds out who takes part.
func (l *ladder) survey(records []Record) {
	var left, right []string
	for _, r := range records {
		p := peerOf(r)
		side := &left
		if p.right {
			side = &right
		}
		if _, known := l.column[p]; !known {
			l.column[p] = len(*side)
			*side = append(*side, p.name)
		}
		if !r.Trace.IsZero() {
			l.trace = traceColumns
		}
		said := labelOf(r)
		l.labels = append(l.labels, said)
		if said.what != "" {
			l.carrier = max(l.carrier, min(width(said.carrier), maxCarrier))
		}
		for _, c := range said.calls[:min(len(said.calls), maxMarks)] {
			if _, known := l.call[c]; !known {
				l.call[c] = len(l.calls)
				l.calls = append(l.calls, c)
			}
		}
		if i, known := l.session[r.Session]; known {
			if l.sessions[i].Line == "" {
				l.sessions[i].Line = r.Line
			}
		} else if r.Session != "" {
			l.session[r.Session] = len(l.sessions)
			l.sessions = append(l.sessions, r)
		}
	}
	if len(l.sessions) > 1 {
		l.mark = len(letters(len(l.sessions) - 1))
	}
	forRight := min(len(right), max(maxColumns/2, maxColumns-len(left)))
	forLeft := min(len(left), maxColumns-forRight)
	l.columns = append(l.columns, lifelines("UC", left, forLeft)...)
	l.farhook = len(l.columns)
	l.columns = append(append(l.columns, lifeline{head: "farhook"}), lifelines("PBX", right, forRight)...)
	for p, i := range l.column {
		if p.right {
			l.column[p] = l.farhook + 1 + min(i, forRight-1)
		} else {
			l.column[p] = min(i, forLeft-1)
		}
	}
}

// lifelines deals names out to columns, the last of which takes all that are left over.
func lifelines(kind string, names []string, columns int) []lifeline {
	lines := make([]lifeline, columns)
	for i, n := range names {
		c := &lines[min(i, columns-1)]
		c.peers = append(c.peers, n)
		c.head = kind
		if len(names) > 1 {
			c.head = fmt.Sprint(kind, " ", min(i, columns-1)+1)
		}
	}
	if len(names) > columns {
		lines[columns-1].head += "…"
	}
	return lines
}

// letters counts a, b, … z, aa, ab, …
func letters(i int) string {
	s := string(rune('a' + i%26))
	if i >= 26 {
		return letters(i/26-1) + s
	}
	return s
}

// say writes a line of a legend, wrapped, with its name painted.
func (l *ladder) say(name, text string, paint func(string) string) {
	const indent = 12
	for _, piece := range wrap(text, l.width-indent) {
		name = clip(name, indent)
		fmt.Fprintln(l.out, paint(name)+strings.TrimRight(strings.Repeat(" ", indent-width(name))+piece, " "))
		name = ""
	}
}

func (l *ladder) bold(s string) string { return l.paint(bold, s) }

func (l *ladder) legend() {
	for _, c := range l.columns {
		if names := slices.DeleteFunc(slices.Clone(c.peers), func(n string) bool { return n == "" }); len(names) > 0 {
			l.say(c.head, strings.Join(names, ", "), l.bold)
		}
	}
	for i, s := range l.sessions {
		name := "session"
		if l.mark > 0 {
			name += " " + letters(i)
		}
		text := printable(s.Session)
		if s.Line != "" {
			text += "  " + printable(string(s.Line))
		}
		l.say(name, text, func(s string) string { return l.painter.session(i, s) })
	}
	marks := make([]string, len(l.calls))
	for i, c := range l.calls {
		marks[i] = fmt.Sprint("#", i+1, " ", printable(c))
	}
	if len(marks) > 0 {
		l.say("calls", strings.Join(marks, ", "), l.bold)
	}
	fmt.Fprintln(l.out)
}

func (l *ladder) bar(column int) int { return firstBar + gap*column }

// head writes the names over their lifelines.
func (l *ladder) head(first Record) {
	line := fit(first.At.Format("2006-01-02"), firstBar-4)
	for i, c := range l.columns {
		line = fit(line, l.bar(i)-width(c.head)/2) + c.head
	}
	if l.trace > 0 {
		line = fit(line, l.width-l.trace) + fmt.Sprintf("%*s", l.trace, traceHead)
	}
	fmt.Fprintln(l.out, l.bold(line))
}

// marks name calls as the legend does.
func (l *ladder) marks(calls []string) string {
	var marks []string
	for i, c := range calls {
		if i == maxMarks {
			marks = append(marks, "…")
			break
		}
		marks = append(marks, fmt.Sprint("#", l.call[c]+1))
	}
	return strings.Join(marks, " ")
}

func (l *ladder) message(r Record, said label) {
	when := fit(r.At.Format("15:04:05.000"), firstBar)
	before, arrow, after := l.arrow(r)
	mark, of := "", 0
	if l.mark > 0 {
		i, ok := l.session[r.Session]
		if ok {
			mark, of = letters(i), i
		}
		mark = fit(mark, l.mark) + " "
	}
	text := join(said.what, l.marks(said.calls), said.why)
	if text != "" && said.carrier != "" && l.width >= 80 {
		text = fit(said.carrier, l.carrier) + " " + text
	} else {
		text = join(said.carrier, text)
	}
	room := l.width - firstBar - gap*(len(l.columns)-1) - 1 - len("  ") - len(mark)
	if l.trace > 0 {
		room -= l.trace + 1
	}
	more := ""
	if r.Cut > 0 {
		more = fmt.Sprintf(" +%d octets", r.Cut)
	}
	text = clip(clip(text, room-len(more))+more, room)
	trace := ""
	if l.trace > 0 && !r.Trace.IsZero() {
		text = fit(text, room)
		trace = fmt.Sprintf(" %*s", l.trace, r.Trace.String()[:traceColumns])
	}
	fmt.Fprintln(l.out, l.paint(faint, when)+l.paint(faint, before)+l.paint(r.Layer.side(), arrow)+l.paint(faint, after)+"  "+
		l.painter.session(of, mark)+l.said(said, text)+l.paint(faint, trace))
}

// arrow draws the lifelines with an arrow between a peer's and farhook's: what is before it, the arrow, and what is behind.
func (l *ladder) arrow(r Record) (before, arrow, after string) {
	row := []rune(strings.Repeat(" ", gap*(len(l.columns)-1)+1))
	for i := range l.columns {
		row[gap*i] = '│'
	}
	from, to := gap*l.column[peerOf(r)], gap*l.farhook
	if r.Direction == Out {
		from, to = to, from
	}
	first, last := min(from, to), max(from, to)
	for i := first + 1; i < last; i++ {
		row[i] = '─'
		if i%gap == 0 {
			row[i] = '┼'
		}
	}
	if from < to {
		row[from], row[to-1] = '├', '▶'
	} else {
		row[from], row[to+1] = '┤', '◀'
	}
	return string(row[:first]), string(row[first : last+1]), string(row[last+1:])
}

// body writes the message itself, wrapped, and XML with a line for each element.
func (l *ladder) body(r Record) {
	const indent = "    ┊ "
	head, body := split(r.Text)
	if r.Layer != PBX && bytes.HasPrefix(bytes.TrimSpace(r.Text), []byte("<")) {
		head, body = nil, r.Text
	}
	for line := range strings.Lines(string(head)) {
		for _, piece := range wrap(printable(strings.TrimRight(line, "\r\n")), l.width-width(indent)) {
			fmt.Fprintln(l.out, l.paint(faint, indent)+piece)
		}
	}
	if len(body) > 0 && len(head) > 0 {
		fmt.Fprintln(l.out, l.paint(faint, strings.TrimRight(indent, " ")))
	}
	for _, line := range indented(string(body)) {
		for _, piece := range wrap(printable(line), l.width-width(indent)) {
			fmt.Fprintln(l.out, l.paint(faint, indent)+piece)
		}
	}
	if r.Cut > 0 {
		fmt.Fprintf(l.out, "%s… and %d octets that were not kept\n", l.paint(faint, indent), r.Cut)
	}
}

// indented parts a body into lines. XML that came in one is parted between its elements.
func indented(body string) (lines []string) {
	const deepest = 20
	if strings.HasPrefix(strings.TrimSpace(body), "<") {
		body = strings.ReplaceAll(body, "><", ">\n<")
	}
	depth := 0
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "</") {
			depth--
		}
		lines = append(lines, strings.Repeat("  ", min(max(depth, 0), deepest))+line)
		if strings.HasPrefix(line, "<") && !strings.HasPrefix(line, "</") && !strings.HasPrefix(line, "<?") && !strings.Contains(line, "/>") && !strings.Contains(line, "</") {
			depth++
		}
	}
	return lines
}
