package numbering

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is one thing that is wrong with a table, or with what it makes of a line.
type Finding struct {
	Direction Direction
	Rule      string // empty: it's about a line
	Text      string
}

func (f Finding) String() string {
	if f.Rule == "" {
		return f.Text
	}
	return fmt.Sprintf("%s: rule %q: %s", f.Direction, f.Rule, f.Text)
}

// Lint looks for rules that can never match, that undo one another or make what is no number, and for lines whose round trip doesn't come home.
// lines are spellings as in the directory.
func (r *Rules) Lint(lines []string) []Finding {
	var all []Finding
	for d := range r.table {
		l := linter{rules: r, direction: Direction(d), emergency: r.emergency.forms(Direction(d))}
		for _, c := range r.table[d] {
			f, ok := c.form()
			l.forms, l.runs = append(l.forms, f), append(l.runs, ok)
		}
		for i, c := range r.table[d] {
			all = append(all, l.rule(i, c)...)
		}
	}
	return append(all, r.lintLines(lines)...)
}

// linter looks at the rules of one direction.
type linter struct {
	rules     *Rules
	direction Direction
	emergency []form
	forms     []form // of each rule
	runs      []bool // whether it can be run
}

// rule looks at one rule with a number that it is the first to match.
func (l *linter) rule(i int, c *rule) []Finding {
	r, d := l.rules, l.direction
	find := func(format string, args ...any) []Finding {
		return []Finding{{d, c.Name, fmt.Sprintf(format, args...)}}
	}
	if !l.runs[i] {
		return nil
	}
	own := l.forms[i]
	shortest, ever, decided := first(own, nil)
	if decided && !ever {
		return find("can never match: no number has that form")
	}
	if c.Of != "" && c.Of != "number" {
		return nil // what it matches is no number
	}
	var earlier []form
	takes := ""
	for j, o := range r.table[d][:i] {
		near := strings.HasPrefix(o.begins, c.begins) || strings.HasPrefix(c.begins, o.begins)
		if !l.runs[j] || !near || o.Continue || !o.covers(c) {
			continue
		}
		f := l.forms[j]
		earlier = append(earlier, f)
		if _, not, decided := first(own, []form{f}); takes == "" && decided && !not {
			takes = o.Name
		}
	}
	sample, ever, decided := first(own, append(slices.Clip(earlier), l.emergency...))
	switch {
	case !decided:
		return nil
	case !ever && takes != "":
		return find("can never match: rule %q comes first and takes every number of its form, such as %s", takes, shortest)
	case !ever && len(earlier) == 0:
		return find("can never match: all it matches are emergency numbers, which no rule sees")
	case !ever:
		return find("can never match: the rules before it together take every number of its form, such as %s", shortest)
	}
	n, err := Parse(sample)
	if err != nil || len(c.where) > 0 {
		return nil // a sample without context says nothing about it
	}
	side := Called
	if !c.sides[Called] {
		side = Calling
	}
	made, err := c.apply(n, sample)
	if err != nil {
		return find("of %s it makes what is no number: %v", sample, err)
	}
	if m, is := r.emergency.Find(made.text()); is {
		return find("of %s it makes %s, an emergency number (%s): such a call is refused", sample, made.text(), m.Number)
	}
	found := r.undone(d, i, c, n, made, side)
	if d != ToPBX || !n.Global || c.Continue {
		return found // only for a global number is there one spelling to come home to
	}
	own.min = max(own.min, leastGlobal)
	if sample, ever, _ = first(own, append(slices.Clip(earlier), l.emergency...)); ever {
		if n, err = Parse(sample); err == nil {
			found = append(found, r.comesHome(c, n, side)...)
		}
	}
	return found
}

// undone looks for a later rule that makes of the result of a rule what there was before.
func (r *Rules) undone(d Direction, i int, c *rule, n, made Number, s Side) []Finding {
	if !c.Continue || made.text() == n.text() {
		return nil
	}
	becomes := made.text() // and what the rules between make of it
	for _, o := range r.table[d][i+1:] {
		if o.Of != "" || o.matches(made, made.text(), s) != matched {
			continue
		}
		again, err := o.apply(made, made.text())
		if err == nil && again.text() == n.text() {
			return []Finding{{d, c.Name, fmt.Sprintf("is undone by %q: %s becomes %s, and %[2]s again", o.Name, n.text(), becomes)}}
		}
		if err == nil {
			becomes += fmt.Sprintf(", by %q %s", o.Name, again.text())
		}
		if made = again; err != nil || !o.Continue {
			break
		}
	}
	return nil
}

// leastGlobal is how long a global number is at least, + included, that somebody could have.
const leastGlobal = 11

// comesHome follows a global number to the PBX and back.
func (r *Rules) comesHome(c *rule, n Number, s Side) []Finding {
	made, err := c.apply(n, n.text())
	if err != nil {
		return nil
	}
	w := r.Explain(FromPBX, made.text(), s)
	if w.Err != nil || Home(w.Out, n.String()) {
		return nil
	}
	var did []string
	for _, step := range w.Steps {
		if step.Result != "" {
			did = append(did, fmt.Sprintf("%q", step.Rule))
		}
	}
	by := "no rule of from_pbx matches that"
	if len(did) == 1 {
		by = fmt.Sprintf("rule %s of from_pbx undoes it", did[0])
	} else if len(did) > 1 {
		by = fmt.Sprintf("rules %s of from_pbx, one after the other, undo it", strings.Join(did, ", "))
	}
	return []Finding{{ToPBX, c.Name, fmt.Sprintf("the round trip fails: %s goes to the PBX as %s, and comes back as %s: %s", n.String(), made.text(), w.Out, by)}}
}

// lintLines sends every line to the PBX and back.
func (r *Rules) lintLines(lines []string) []Finding {
	var all []Finding
	var x Index
	canonical := make(map[string]bool)
	for _, l := range lines {
		if n, err := Parse(l); err == nil && !canonical[n.String()] {
			canonical[n.String()] = true
			_ = x.Add(n.id(), nil)
		}
	}
	wrong := func(format string, args ...any) { all = append(all, Finding{Text: fmt.Sprintf(format, args...)}) }
	for _, l := range slices.Sorted(maps.Keys(canonical)) {
		n, _ := Parse(l)
		if m, is := r.emergency.Find(l); is && m.Form == Bare {
			wrong("line %s is the emergency number %s", l, m.Number)
			continue
		}
		native, err := r.Native(n.id(), Called)
		if err != nil {
			wrong("line %s: nothing goes to the PBX: %v", l, err)
			continue
		}
		for _, s := range []Side{Calling, Called} {
			back := r.Canonical(native, s)
			b, err := Parse(string(back))
			if err == nil {
				if id, ferr := x.Find(b); ferr == nil && id == n.id() {
					continue
				}
			}
			wrong("line %s: the round trip fails: it goes to the PBX as %s, and comes back as %s (%s)", l, native, back, sideName(s))
			break
		}
	}
	return all
}

func sideName(s Side) string { return [...]string{"calling", "called"}[s] }

func (c *rule) form() (form, bool) {
	a, ok := newAutomaton(c.tree)
	return form{a, c.Min, c.Max}, ok
}

// covers says whether a rule looks at every number that another one looks at, but for their form.
func (c *rule) covers(o *rule) bool {
	for s := range c.sides {
		if o.sides[s] && !c.sides[s] {
			return false
		}
	}
	return (c.Of == "" || c.Of == "number") && (len(c.where) == 0 || maps.Equal(c.Where, o.Where))
}

// forms are the emergency numbers, as rules would have them.
func (e *Emergency) forms(d Direction) []form {
	if e == nil {
		return nil
	}
	expr := strings.Join(e.Numbers(), "|")
	if d == ToPBX {
		list, plain, global := expr, []string{""}, []string{""}
		for _, o := range e.outside {
			if g, ok := strings.CutPrefix(o, "+"); ok {
				global = append(global, g)
			} else {
				plain = append(plain, strings.ReplaceAll(o, "*", `\*`))
			}
		}
		outside := "(?:" + strings.Join(plain, "|") + ")"
		expr = fmt.Sprintf(`%[1]s(?:%[2]s)|\+(?:%[3]s)(?:%[2]s)|\+(?:%[4]s)%[1]s(?:%[2]s)`, outside, list, strings.Join(global, "|"), countryCodes)
	}
	a, ok := newAutomaton(expr)
	if !ok {
		return nil
	}
	return []form{{a, 0, MaxNumber}}
}
