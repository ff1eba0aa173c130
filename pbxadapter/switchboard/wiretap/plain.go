package wiretap

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Text writes messages as they are, one after the other: a line that says when, from whom to whom, about which line and for which request, then the message. Nothing in a
// message can move the cursor or change a colour. With colour, the lines between are in that of their layer, and red where something was refused. The error is the
// writer's.
func Text(w io.Writer, records []Record, colour bool) error {
	p := painter(colour)
	out := bufio.NewWriter(w)
	for _, r := range records {
		way := r.Peer + " > farhook"
		if r.Direction == Out {
			way = "farhook > " + r.Peer
		}
		trace := ""
		if !r.Trace.IsZero() {
			trace = "trace " + r.Trace.String()
		}
		code := r.Layer.side()
		if colour && labelOf(r).refused {
			code = red
		}
		fmt.Fprintln(out, p.paint(code, "== "+printable(join(r.At.Format("2006-01-02 15:04:05.000"), r.Layer.String(), way, string(r.Line), trace))))
		for line := range strings.Lines(string(r.Text)) {
			fmt.Fprintln(out, printable(strings.TrimRight(line, "\r\n")))
		}
		if r.Cut > 0 {
			fmt.Fprintf(out, "... and %d octets that were not kept\n", r.Cut)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}
