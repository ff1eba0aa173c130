package main

import (
	"fmt"
	"strings"
	"unicode"

	"farhook/web"
)

// What the doctor says is made of texts, so that the console can say it in another language: the catalogues (web/console/src/lib/de.doctor.json) have a
// translation of every format that is written out here, and a test sees to it.

// saying is one sentence of the doctor's.
type saying = web.Text

// say makes a sentence of a format, which is always written out, and what goes into its places: another text, or anything that is said as it is.
func say(format string, args ...any) saying {
	s := saying{Format: format}
	for _, a := range args {
		t, ok := a.(saying)
		if !ok {
			t = typed(fmt.Sprint(a))
		}
		s.Args = append(s.Args, t)
	}
	return s
}

// typed is what stands as it is in every language: a command, a name, a number, another program's words. They come from anywhere, and what they are shown
// on may be a terminal.
func typed(s string) saying {
	return saying{Format: strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)}
}

func typedAll(all []string) []saying {
	list := make([]saying, len(all))
	for i, s := range all {
		list[i] = typed(s)
	}
	return list
}

// listed is several texts in one.
func listed(between string, all []saying) saying {
	if len(all) == 1 {
		return all[0]
	}
	return saying{Format: strings.TrimSuffix(strings.Repeat("%s"+between, len(all)), between), Args: all}
}

func joined[S ~string](all []S) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}

func found(h health, what saying, cure ...saying) finding {
	f := finding{Health: h, Found: what.String(), FoundText: what, CureTexts: cure}
	for _, c := range cure {
		f.Cure = append(f.Cure, c.String())
	}
	return f
}

func ok(format string, args ...any) []finding { return []finding{found(healthy, say(format, args...))} }

func cannotTell(format string, args ...any) []finding {
	return []finding{found(unknown, say(format, args...))}
}

func bad(h health, what saying, cure ...saying) []finding { return []finding{found(h, what, cure...)} }
