package asterisk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
)

// byConnection is what was told of each connection, to whom and in what state of his, in order: the events of different ones may come in any order. Where
// several phones ring at once, which of the others hear of one of them depends on that order: many leaves those out.
func byConnection(p *player, many bool) map[string][]string {
	names := map[csta.CallID]string{}
	var ids []csta.CallID
	for _, told := range p.told {
		for _, id := range told.Calls {
			if names[id] == "" {
				names[id] = "?"
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	for i, id := range ids { // by name, not by appearance: that may differ
		names[id] = fmt.Sprintf("C%d", i+1)
	}
	list := map[string][]string{}
	for _, told := range p.told {
		l := line(told, names)
		name, rest, _ := strings.Cut(l, ":")
		hearers := strings.Fields(name)
		name = hearers[0]
		slices.Sort(hearers[1:])
		key := "call"
		if f := strings.Fields(rest); len(f) > 2 {
			if c := strings.TrimPrefix(f[0], "C"); c == f[0] {
				f = f[1:]
			}
			key = f[0] + "/" + f[1]
		}
		for _, h := range hearers[1:] {
			if _, own := strings.CutPrefix(h, key[strings.IndexByte(key, '/')+1:]+"="); own || !many || strings.HasSuffix(h, "=connected") {
				name += " " + h
			}
		}
		list[key] = append(list[key], name+":"+rest)
	}
	return list
}

// disordered swaps neighbouring events that share no channel, again and again, within 20 ms; a phone's ringing and the beginning of its dialling too,
// which a real one tells in either order.
func disordered(steps []step, seed uint64) []step {
	r := rand.New(rand.NewPCG(seed, 1))
	steps = slices.Clone(steps)
	for range 6 {
		for i := 0; i+1 < len(steps); i++ {
			a, b := steps[i], steps[i+1]
			if a.event() == "" || b.event() == "" || (b.at-a.at).Milliseconds() > 20 || r.IntN(2) == 0 {
				continue
			}
			ringing := a.event() == "DialBegin" && b.event() == "Newstate" || a.event() == "Newstate" && b.event() == "DialBegin"
			if !ringing && slices.ContainsFunc(a.about(), func(x string) bool { return slices.Contains(b.about(), x) }) {
				continue
			}
			a.at, b.at = b.at, a.at
			steps[i], steps[i+1] = b, a
		}
	}
	return steps
}

func withoutTechCause(steps []step) []step {
	steps = slices.Clone(steps)
	for i, s := range steps {
		steps[i].lines = slices.DeleteFunc(slices.Clone(s.lines), func(l string) bool { return strings.HasPrefix(l, "TechCause:") })
	}
	return steps
}

// The order of events of different channels, SIP causes and the sizes of writes change nothing.
func TestDisorder(t *testing.T) {
	all := recordings(t)
	for _, name := range names(all) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := heard(all[name])
			many := name == "queue" || name == "hunt-group"
			want := byConnection(replay(t, name, whole, nil, -1), many)
			for seed := range uint64(6) {
				steps := disordered(whole, seed)
				if seed%2 == 1 {
					steps = withoutTechCause(steps)
				}
				p := replay(t, name, steps, func(p *player) { p.odd = rand.New(rand.NewPCG(seed, 2)) }, -1)
				for _, f := range p.failed {
					t.Errorf("seed %d: %s", seed, f)
				}
				if diff := cmp.Diff(want, byConnection(p, many)); diff != "" {
					t.Errorf("seed %d: %s", seed, diff)
				}
			}
		})
	}
}

// A link that is lost at any moment, and found again, leaves nothing standing and ends everything once.
func TestCut(t *testing.T) {
	all := recordings(t)
	for _, name := range names(all) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := heard(all[name])
			whole := replay(t, name, steps, nil, -1)
			for cut, s := range steps {
				if s.event() == "" || cut < 3 {
					continue
				}
				p := replay(t, name, steps, nil, cut)
				for _, f := range p.failed {
					t.Errorf("cut %d: %s", cut, f)
				}
				if calls := p.model.State().Calls; len(calls) != 0 {
					t.Errorf("cut %d before %s: everybody has hung up, but there is %+v", cut, s.event(), calls)
				}
				if diff := cmp.Diff(whole.stands, p.stands); diff != "" {
					t.Errorf("cut %d before %s: %s", cut, s.event(), diff)
				}
			}
		})
	}
}

// An Asterisk that takes its time anywhere in what a request asks for makes no difference: what ends on the way is not told as if somebody had hung up.
func TestSlow(t *testing.T) {
	all := recordings(t)
	for name := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := heard(all[name])
			want := byConnection(replay(t, name, steps, nil, -1), false)
			for i, s := range steps {
				if s.event() == "" {
					continue
				}
				p := replay(t, name, steps, func(p *player) { p.slow = i }, -1)
				for _, f := range p.failed {
					t.Errorf("before step %d, %s: %s", i, s.event(), f)
				}
				if diff := cmp.Diff(want, byConnection(p, false)); diff != "" {
					t.Errorf("before step %d, %s: %s", i, s.event(), diff)
				}
			}
		})
	}
}
