package numbering

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

// class is a set of the characters of a number: bit n is the digit n, and there are *, # and +.
type class uint16

const (
	star class = 1 << (iota + 10)
	hash
	plus
	anyDigit class = 1<<10 - 1
)

func classOf(c byte) class {
	switch {
	case c >= '0' && c <= '9':
		return 1 << (c - '0')
	case c == '*':
		return star
	case c == '#':
		return hash
	case c == '+':
		return plus
	}
	return 0
}

// fits says whether a text begins as a pattern says.
func fits(p []class, text string) bool {
	if len(text) < len(p) {
		return false
	}
	for i, c := range p {
		if c&classOf(text[i]) == 0 {
			return false
		}
	}
	return true
}

// compileDigits reads the digit pattern.
func (c *rule) compileDigits(wrong func(string, ...any)) {
	if c.Replace != "" {
		wrong("replace: it goes with match; with digits use strip and prefix")
	}
	if len(c.Digits) > MaxMatch || len(c.Prefix) > MaxReplace {
		wrong("digits, prefix: %d and %d octets, %d and %d are allowed", len(c.Digits), len(c.Prefix), MaxMatch, MaxReplace)
		return
	}
	if p := strings.TrimPrefix(strings.TrimPrefix(c.Prefix, "tel:"), "+"); p != "" && !digits(p, true) {
		wrong("prefix: %q is not made of digits, * and #", clip(c.Prefix))
	}
	if c.Strip < 0 || c.Strip > MaxNumber {
		wrong("strip: %d is out of range: 0 to %d", c.Strip, MaxNumber)
	}
	text, open := strings.CutSuffix(c.Digits, ".")
	for text != "" {
		set, rest, err := oneClass(text)
		if err != nil {
			wrong("digits: %w", err)
			return
		}
		c.pattern, text = append(c.pattern, set), rest
	}
	length := len(c.pattern)
	if length > MaxNumber {
		wrong("digits: the pattern has %d characters, %d are allowed", length, MaxNumber)
		return
	}
	if open {
		length++
	}
	if c.Min == 0 {
		c.Min = length
	}
	switch {
	case c.Max == 0 && open:
		c.Max = MaxNumber
	case c.Max == 0:
		c.Max = max(length, c.Min)
	}
	if c.Max < length {
		wrong("max: the pattern alone has %d characters", length)
	}
	for _, set := range c.pattern {
		if set&(set-1) != 0 {
			break
		}
		c.begins += string(set.chars()[0])
	}
	var tree strings.Builder
	for _, set := range c.pattern {
		tree.WriteString("[" + strings.ReplaceAll(set.chars(), "+", `\+`) + "]")
	}
	fmt.Fprintf(&tree, `[0-9*#]{%d,%d}`, max(c.Min-len(c.pattern), 0), max(c.Max-len(c.pattern), 0))
	if len(c.pattern) == 0 { // the first free character may be a +
		tree.Reset()
		fmt.Fprintf(&tree, `[+0-9*#]{%d,%d}`, c.Min, c.Max)
	}
	c.tree = tree.String()
}

// chars lists what is in a class.
func (c class) chars() string {
	var s strings.Builder
	for _, r := range []byte("0123456789*#+") {
		if c&classOf(r) != 0 {
			s.WriteByte(r)
		}
	}
	return s.String()
}

// oneClass reads the first element of a digit pattern.
func oneClass(p string) (class, string, error) {
	switch c := p[0]; c {
	case 'X', 'x':
		return anyDigit, p[1:], nil
	case 'Z', 'z':
		return anyDigit &^ classOf('0'), p[1:], nil
	case 'N', 'n':
		return anyDigit &^ (classOf('0') | classOf('1')), p[1:], nil
	case '[':
		inside, rest, ok := strings.Cut(p[1:], "]")
		if !ok || inside == "" {
			return 0, "", fmt.Errorf("a [ has no ], or nothing in it")
		}
		var set class
		for i := 0; i < len(inside); i++ {
			if inside[i] == '-' && i > 0 && i+1 < len(inside) && digits(inside[i-1:i], false) && digits(inside[i+1:i+2], false) && inside[i-1] < inside[i+1] {
				for d := inside[i-1]; d <= inside[i+1]; d++ {
					set |= classOf(d)
				}
				i++
				continue
			}
			if classOf(inside[i]) == 0 {
				return 0, "", fmt.Errorf("%q in [%s] is neither a digit nor one of * # +, nor a range of digits", inside[i], clip(inside))
			}
			set |= classOf(inside[i])
		}
		return set, rest, nil
	default:
		if set := classOf(c); set != 0 {
			return set, p[1:], nil
		}
		return 0, "", fmt.Errorf("%q is none of 0 to 9, * # +, X, Z, N, [...], and a final dot", c)
	}
}

// lead is what the first characters can be of whatever an expression matches, and whether that is all there is to it. It lets most expressions be
// passed over without being run.
func lead(e *syntax.Regexp) (p []class, all bool) {
	switch e.Op {
	case syntax.OpLiteral:
		for _, r := range e.Rune {
			if r > '9' {
				return p, false
			}
			p = append(p, classOf(byte(r)))
		}
		return p, true
	case syntax.OpCharClass:
		var set class
		for i := 0; i+1 < len(e.Rune); i += 2 {
			for _, c := range []byte("0123456789*#+") {
				if rune(c) >= e.Rune[i] && rune(c) <= e.Rune[i+1] {
					set |= classOf(c)
				}
			}
		}
		return []class{set}, true
	case syntax.OpCapture:
		return lead(e.Sub[0])
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine, syntax.OpEmptyMatch:
		return nil, true
	case syntax.OpPlus:
		p, _ = lead(e.Sub[0])
		return p, false
	case syntax.OpConcat:
		for _, s := range e.Sub {
			more, all := lead(s)
			if p = append(p, more...); !all {
				return p, false
			}
		}
		return p, true
	case syntax.OpAlternate:
		for i, s := range e.Sub {
			q, whole := lead(s)
			if i == 0 {
				p, all = q, whole
				continue
			}
			all = all && whole && len(p) == len(q)
			p = p[:min(len(p), len(q))]
			for j := range p {
				p[j] |= q[j]
			}
		}
		return p, all
	default:
		return nil, false
	}
}
