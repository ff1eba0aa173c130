package numbering

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// alphabet is what numbers are made of; + only comes first, and then digits alone follow, of which the first is no 0. What is found should look like a
// number that there could be, so 0 and 1 come late.
const alphabet = "2345678910*#+"

// automaton runs an expression of a whole number as a set of states, so that questions about all numbers can be answered by going through the sets.
type automaton struct{ prog *syntax.Prog }

// newAutomaton makes one. false: the expression looks at more than single characters (\b), and can't be run so.
func newAutomaton(expr string) (automaton, bool) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return automaton{}, false
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return automaton{}, false
	}
	for _, i := range prog.Inst {
		if i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
			return automaton{}, false
		}
	}
	return automaton{prog}, true
}

const (
	atBegin = syntax.EmptyBeginText | syntax.EmptyBeginLine
	atEnd   = syntax.EmptyEndText | syntax.EmptyEndLine
)

// closure adds to set what is reached from pc without a character.
func (a automaton) closure(set []uint32, pc uint32, at syntax.EmptyOp) []uint32 {
	stack := []uint32{pc}
	for len(stack) > 0 {
		pc, stack = stack[len(stack)-1], stack[:len(stack)-1]
		i, found := slices.BinarySearch(set, pc)
		if found {
			continue
		}
		set = slices.Insert(set, i, pc)
		inst := &a.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^at == 0 {
				stack = append(stack, inst.Out)
			}
		case syntax.InstMatch, syntax.InstFail, syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		}
	}
	return set
}

func (a automaton) start() []uint32 { return a.closure(nil, uint32(a.prog.Start), atBegin) }

// step is the set after one more character.
func (a automaton) step(set []uint32, c byte) []uint32 {
	var next []uint32
	for _, pc := range set {
		inst := &a.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if inst.MatchRune(rune(c)) {
				next = a.closure(next, inst.Out, 0)
			}
		case syntax.InstAlt, syntax.InstAltMatch, syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstMatch, syntax.InstFail, syntax.InstNop:
		}
	}
	return next
}

// accepts says whether the number may end here.
func (a automaton) accepts(set []uint32, first bool) bool {
	at := atEnd
	if first {
		at |= atBegin
	}
	var end []uint32
	for _, pc := range set {
		end = a.closure(end, pc, at)
	}
	return slices.ContainsFunc(end, func(pc uint32) bool { return a.prog.Inst[pc].Op == syntax.InstMatch })
}

// form is an expression and the lengths that it allows.
type form struct {
	automaton
	min, max int
}

const maxStates = 20_000 // that first goes through before it gives up

// first finds the shortest number that f matches and none of the others does. found is false where there is none; decided where that is certain.
func first(f form, others []form) (number string, found, decided bool) {
	type state struct {
		text string
		sets [][]uint32 // of f, then of the others; nil: dead
	}
	begin := state{sets: [][]uint32{f.start()}}
	for _, o := range others {
		begin.sets = append(begin.sets, o.start())
	}
	seen := make(map[string]bool)
	for queue := []state{begin}; len(queue) > 0; {
		s := queue[0]
		queue = queue[1:]
		if n := len(s.text); n >= max(f.min, 1) && n <= f.max && s.text != "+" && f.accepts(s.sets[0], false) {
			free := true
			for i, o := range others {
				if n >= o.min && n <= o.max && s.sets[i+1] != nil && o.accepts(s.sets[i+1], false) {
					free = false
					break
				}
			}
			if free {
				return s.text, true, true
			}
		}
		if len(s.text) >= f.max {
			continue
		}
		for i := range len(alphabet) {
			c := alphabet[i]
			if c == '+' && s.text != "" || c == '0' && s.text == "+" || (c == '*' || c == '#') && s.text != "" && s.text[0] == '+' {
				continue
			}
			next := state{text: s.text + string(c), sets: make([][]uint32, len(s.sets))}
			if next.sets[0] = f.step(s.sets[0], c); next.sets[0] == nil {
				continue
			}
			for j, o := range others {
				if s.sets[j+1] != nil && len(next.text) <= o.max {
					next.sets[j+1] = o.step(s.sets[j+1], c)
				}
			}
			if k := key(len(next.text), next.text[0] == '+', next.sets); !seen[k] {
				if len(seen) >= maxStates {
					return "", false, false
				}
				seen[k] = true
				queue = append(queue, next)
			}
		}
	}
	return "", false, true
}

// key is a state as text. The length is part of it, for lengths are bounded.
func key(length int, global bool, sets [][]uint32) string {
	b := []byte{byte(length)}
	if global {
		b = append(b, '+')
	}
	for _, s := range sets {
		b = binary.AppendUvarint(b, uint64(len(s)))
		for _, pc := range s {
			b = binary.AppendUvarint(b, uint64(pc))
		}
	}
	return string(b)
}
