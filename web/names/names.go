// Package names compares names of people and departments as people type them: whatever their case, without accents, and with the two letters that
// many write for an umlaut: Mueller, Müller and Muller find each other, and so do Haakon and Håkon, Strasse and Straße. The console has the same rule;
// testdata/spellings.json is the test of both.
package names

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plain are the letters that Unicode doesn't take apart, as they are typed without them.
var plain = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i")

// spelled are umlauts, and their neighbours in the north, as two letters.
var spelled = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

// loose makes one of the two letters, whatever they stood for.
var loose = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "aa", "a")

// mark stands before each word of what is left of a name once it is loose. No name has it.
const mark = "|"

// clean has one line, without marks, in lower case and composed.
func clean(s string) string {
	return norm.NFC.String(strings.ToLower(strings.Map(func(r rune) rune {
		if r == '|' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)))
}

func fold(clean string) string {
	return plain.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(clean)))
}

// words are a folded name's, loose, each behind a mark.
func words(folded string) string {
	var b strings.Builder
	for w := range strings.FieldsFuncSeq(loose.Replace(folded), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		b.WriteString(mark + w)
	}
	return b.String()
}

// Index is a text that holds what is to be looked for in a name: folded, spelled out, and loose. It is stored: who changes it changes what is found of the past.
func Index(name string) string {
	c := clean(name)
	all := []string{fold(c), fold(spelled.Replace(c))}
	return strings.Join(append(slices.Compact(all), words(all[0])), "\n")
}

// Part is part of a name, as somebody has typed it: the texts one of which the Index of each name holds in which it is found. Somewhere in it as it is
// written; spelled otherwise at the beginning of a word.
type Part []string

// PartOf reads what was typed. The empty one is in every name.
func PartOf(typed string) Part {
	f := fold(clean(typed))
	p := Part{f}
	if w := words(f); w != "" {
		p = append(p, w)
	}
	return p
}

// In says whether it is part of a name.
func (p Part) In(name string) bool {
	all := Index(name)
	return slices.ContainsFunc(p, func(one string) bool { return strings.Contains(all, one) })
}
