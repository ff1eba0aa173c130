package uactest

import (
	"fmt"
	"regexp"
	"strings"
)

// Vars are what $names stand for.
type Vars map[string]string

var (
	variable = regexp.MustCompile(`\$[A-Za-z][A-Za-z0-9]*`)
	anything = regexp.MustCompile(`\$[_*]`)
)

// Fill puts the values in. A name that has none yet is an error.
func (v Vars) Fill(s string) (string, error) {
	var missing []string
	out := variable.ReplaceAllStringFunc(s, func(n string) string {
		value, ok := v[n]
		if !ok {
			missing = append(missing, n)
		}
		return value
	})
	if missing != nil {
		return "", fmt.Errorf("%s has no value yet", strings.Join(missing, ", "))
	}
	return out, nil
}

// Match compares text with a pattern in which $names stand; those met first take their values. $_ stands for anything within a word each time, $* for anything within a line.
func (v Vars) Match(pattern, text string) error {
	var re strings.Builder
	var names []string
	re.WriteString("^")
	rest := pattern
	for rest != "" {
		at := variable.FindStringIndex(rest)
		if b := anything.FindStringIndex(rest); b != nil && (at == nil || b[0] < at[0]) {
			re.WriteString(regexp.QuoteMeta(rest[:b[0]]))
			if rest[b[0]:b[1]] == "$_" {
				re.WriteString(`[^<>\s]*`)
			} else {
				re.WriteString(`.*`)
			}
			rest = rest[b[1]:]
			continue
		}
		if at == nil {
			re.WriteString(regexp.QuoteMeta(rest))
			break
		}
		re.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		name := rest[at[0]:at[1]]
		if value, ok := v[name]; ok {
			re.WriteString(regexp.QuoteMeta(value))
		} else {
			re.WriteString(`([^<>\s;"]+)`)
			names = append(names, name)
		}
		rest = rest[at[1]:]
	}
	re.WriteString("$")
	m := regexp.MustCompile(re.String()).FindStringSubmatch(text)
	if m == nil {
		filled := variable.ReplaceAllStringFunc(pattern, func(n string) string {
			if value, ok := v[n]; ok {
				return value
			}
			return n
		})
		return fmt.Errorf("got\n%s\nwant\n%s", text, filled)
	}
	for i, n := range names {
		if old, ok := v[n]; ok && old != m[i+1] {
			return fmt.Errorf("%s is %s and %s in one text", n, old, m[i+1])
		}
		v[n] = m[i+1]
	}
	return nil
}

var (
	betweenTags = regexp.MustCompile(`>\s+<`)
	prologue    = regexp.MustCompile(`^\s*<\?xml[^>]*\?>\s*`)
)

// CanonicalXML leaves out what does not matter in a body: the declaration, and white space between elements.
func CanonicalXML(s string) string {
	s = prologue.ReplaceAllString(strings.TrimSpace(s), "")
	return strings.ReplaceAll(betweenTags.ReplaceAllString(s, "><"), " />", "/>")
}
