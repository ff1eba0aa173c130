package numbering

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// Limits of a table of rules.
const (
	MaxRules   = 10_000 // of one direction
	MaxMatch   = 512    // octets of a regular expression or a digit pattern
	MaxReplace = 128    // octets of a replacement or a prefix
	maxName    = 64
)

// Rule translates the numbers of one form. Either Match or Digits says which. Numbers are matched as text: +15551001 for a global one,
// 1001 for any other, without separators; lengths count its characters, + included.
type Rule struct {
	Name string `yaml:"name"`
	// Side is calling or called; empty: both.
	Side string `yaml:"side,omitempty"`
	// Match is a regular expression (RE2) of the whole number. Replace is what it becomes: $1 or ${name} is what a group matched.
	Match   string `yaml:"match,omitempty"`
	Replace string `yaml:"replace,omitempty"`
	// Digits is how the number begins: 0 to 9, * # + as they are, X any digit, Z 1 to 9, N 2 to 9, [13-5] one of these; a final dot is one or more
	// characters of any kind. Strip of the first characters go, and Prefix comes before what is left.
	Digits string `yaml:"digits,omitempty"`
	Strip  int    `yaml:"strip,omitempty"`
	Prefix string `yaml:"prefix,omitempty"`
	// Min and Max bound the length. Default of both with Digits: the pattern's own length, and no upper one after a final dot.
	Min int `yaml:"min,omitempty"`
	Max int `yaml:"max,omitempty"`
	// Of says what is matched and replaced: number (default), or one of its parameters: ext, phone-context, device, partition.
	Of string `yaml:"of,omitempty"`
	// Where holds the parameters that a number must have, each with a regular expression of the whole value; an empty one: it must not be there.
	Where map[string]string `yaml:"where,omitempty"`
	// Keep are the parameters that stay; the others go. Set gives some a value.
	Keep []string          `yaml:"keep,omitempty,flow"`
	Set  map[string]string `yaml:"set,omitempty"`
	// Continue lets the rules after this one see the result. Without it the first rule that matches is the last.
	Continue bool `yaml:"continue,omitempty"`
}

// parameters of a number, in the order of its canonical spelling.
var parameterNames = []string{"ext", "phone-context", "device", "partition"}

// get is a parameter's value, or the number itself as rules see it.
func (n Number) get(name string) string {
	switch name {
	case "ext":
		return n.Ext
	case "phone-context":
		return n.Context
	case "device":
		return n.Device
	case "partition":
		return n.Partition
	}
	return n.text()
}

func (n *Number) set(name, value string) {
	switch name {
	case "ext":
		n.Ext = value
	case "phone-context":
		n.Context = strings.ToLower(value)
	case "device":
		n.Device = strings.ToLower(value)
	case "partition":
		n.Partition = strings.ToLower(value)
	}
}

// text is the number as rules see it.
func (n Number) text() string {
	if n.Global {
		return "+" + n.Digits
	}
	return n.Digits
}

// rule is a Rule made ready.
type rule struct {
	Rule
	sides   [2]bool
	re      *regexp.Regexp // nil: Digits
	pattern []class        // what a number must begin with: all of Digits, and what is fixed in Match
	begins  string         // every number that it matches begins so, and ends so
	ends    string
	where   []condition
	tree    string // the whole of it as a regular expression: for lint
}

type condition struct {
	name string
	re   *regexp.Regexp // nil: the parameter must not be there
}

func compile(r Rule) (*rule, error) {
	c := &rule{Rule: r, sides: [2]bool{true, true}}
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	if r.Name == "" || len(r.Name) > maxName || strings.ContainsFunc(r.Name, unicode.IsControl) {
		wrong("name: %q is not 1 to %d octets of text", clip(r.Name), maxName)
	}
	switch r.Side {
	case "":
	case "calling":
		c.sides[Called] = false
	case "called":
		c.sides[Calling] = false
	default:
		wrong("side: %q is neither calling nor called", clip(r.Side))
	}
	if r.Of != "" && r.Of != "number" && !slices.Contains(parameterNames, r.Of) {
		wrong("of: %q is none of number, %s", clip(r.Of), strings.Join(parameterNames, ", "))
	}
	if r.Min < 0 || r.Max < 0 || r.Min > MaxNumber || r.Max > MaxNumber || r.Max > 0 && r.Max < r.Min {
		wrong("min, max: %d to %d is no range of lengths within 0 to %d", r.Min, r.Max, MaxNumber)
	}
	switch {
	case (r.Match == "") == (r.Digits == ""):
		wrong("match, digits: one of them is wanted, and not both")
	case r.Match != "":
		c.compileMatch(wrong)
	default:
		c.compileDigits(wrong)
	}
	for _, name := range sortedKeys(r.Where) {
		if !slices.Contains(parameterNames, name) {
			wrong("where: %q is none of %s", clip(name), strings.Join(parameterNames, ", "))
			continue
		}
		w := condition{name: name}
		if v := r.Where[name]; v != "" {
			var err error
			if w.re, err = whole(v); err != nil {
				wrong("where: %s: %w", name, err)
			}
		}
		c.where = append(c.where, w)
	}
	for _, name := range r.Keep {
		if !slices.Contains(parameterNames, name) {
			wrong("keep: %q is none of %s", clip(name), strings.Join(parameterNames, ", "))
		}
	}
	for _, name := range sortedKeys(r.Set) {
		if !slices.Contains(parameterNames, name) {
			wrong("set: %q is none of %s", clip(name), strings.Join(parameterNames, ", "))
		} else if _, err := Parse("tel:1;" + name + "=" + r.Set[name]); err != nil || r.Set[name] == "" || strings.ContainsRune(r.Set[name], ';') {
			wrong("set: %q is no value for %s", clip(r.Set[name]), name)
		}
	}
	return c, errors.Join(bad...)
}

func (c *rule) compileMatch(wrong func(string, ...any)) {
	if c.Strip != 0 || c.Prefix != "" {
		wrong("strip, prefix: they go with digits; with match use groups and replace")
	}
	if len(c.Replace) > MaxReplace {
		wrong("replace: it has %d octets, %d are allowed", len(c.Replace), MaxReplace)
	}
	re, err := whole(c.Match)
	if err != nil {
		wrong("match: %w", err)
		return
	}
	c.re, c.tree = re, c.Match
	if tree, err := syntax.Parse(c.Match, syntax.Perl); err == nil {
		tree = tree.Simplify()
		c.begins, _ = edge(tree, false)
		c.ends, _ = edge(tree, true)
		if c.Of == "" || c.Of == "number" { // others may have letters
			c.pattern, _ = lead(tree)
		}
	}
	if c.Max == 0 {
		c.Max = MaxNumber
	}
	for _, name := range groups.FindAllStringSubmatch(c.Replace, -1) {
		if g := name[1] + name[2]; !hasGroup(re, g) {
			wrong("replace: the expression has no group %q", g)
		}
	}
}

// groups finds what a replacement refers to.
var groups = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

func hasGroup(re *regexp.Regexp, name string) bool {
	for i, n := range re.SubexpNames() {
		if n == name && n != "" || fmt.Sprint(i) == name {
			return true
		}
	}
	return false
}

// whole is a regular expression of a whole text.
func whole(text string) (*regexp.Regexp, error) {
	if len(text) > MaxMatch {
		return nil, fmt.Errorf("the expression has %d octets, %d are allowed", len(text), MaxMatch)
	}
	if _, err := regexp.Compile(text); err != nil { // alone: it must not close our brackets
		return nil, err
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}

// edge is the text with which everything begins, or ends, that an expression matches, and whether that is all there is to it.
func edge(e *syntax.Regexp, end bool) (text string, all bool) {
	switch e.Op {
	case syntax.OpLiteral:
		if e.Flags&syntax.FoldCase != 0 {
			return "", false
		}
		return string(e.Rune), true
	case syntax.OpCapture:
		return edge(e.Sub[0], end)
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine, syntax.OpEmptyMatch:
		return "", true
	case syntax.OpConcat:
		for i := range e.Sub {
			if !end {
				t, all := edge(e.Sub[i], end)
				if text += t; !all {
					return text, false
				}
				continue
			}
			t, all := edge(e.Sub[len(e.Sub)-1-i], end)
			if text = t + text; !all {
				return text, false
			}
		}
		return text, true
	default:
		return "", false
	}
}

// matches says whether a number is of the rule's form; if it isn't, why.
func (c *rule) matches(n Number, text string, s Side) reason {
	switch {
	case !c.sides[s]:
		return otherSide
	case len(text) < c.Min || len(text) > c.Max:
		return otherLength
	case !strings.HasPrefix(text, c.begins) || !strings.HasSuffix(text, c.ends):
		return otherForm
	}
	for _, w := range c.where {
		v := n.get(w.name)
		if w.re == nil && v != "" || w.re != nil && (v == "" || !w.re.MatchString(v)) {
			return otherContext
		}
	}
	if !fits(c.pattern, text) || c.re != nil && !c.re.MatchString(text) {
		return otherForm
	}
	return matched
}

// reason says what a rule thought of a number.
type reason uint8

const (
	matched reason = iota
	otherSide
	otherLength
	otherForm
	otherContext
)

func (r reason) String() string {
	return [...]string{"matches", "is for the other side", "length differs", "form differs", "context differs"}[r]
}

// apply is what the rule makes of a number that it matches.
func (c *rule) apply(n Number, text string) (Number, error) {
	var out string
	if c.re != nil {
		out = string(c.re.ExpandString(nil, c.Replace, text, c.re.FindStringSubmatchIndex(text)))
	} else {
		out = c.Prefix + text[min(c.Strip, len(text)):]
	}
	out = strings.TrimPrefix(out, "tel:")
	var made Number
	made.Digits, made.Global = strings.CutPrefix(out, "+")
	if len(out) > MaxNumber || !digits(made.Digits, !made.Global) {
		return Number{}, fmt.Errorf("numbering: rule %q makes %q of %q, which is no number", c.Name, clip(out), text)
	}
	for _, name := range c.Keep {
		made.set(name, n.get(name))
	}
	for name, v := range c.Set {
		made.set(name, v)
	}
	return made, nil
}

func clip(s string) string { return s[:min(len(s), 80)] }

func sortedKeys(m map[string]string) []string {
	k := make([]string, 0, len(m))
	for name := range m {
		k = append(k, name)
	}
	slices.Sort(k)
	return k
}
