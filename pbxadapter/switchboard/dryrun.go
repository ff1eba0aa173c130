package switchboard

import "farhook/csta"

// Step is one rule that a request met.
type Step struct {
	Rule string // number, right, route, link, offered, in service
	Says string // what came of it, for people
}

// Plan is what would be done with a request.
type Plan struct {
	Request csta.Request // complete: devices and calls by their own names; nil where a rule refused it before
	PBX     string       // empty: none, it is answered here or was refused before it was known
	Steps   []Step       // the rules that let it pass, in order
}

// DryRun takes a request through every rule that Do would, and does nothing. The error is that of the rule which refuses it; the plan
// then holds what came before.
func (b *Board) DryRun(who Principal, r csta.Request) (Plan, error) {
	var p Plan
	t := &target{board: b, index: b.index.Load(), who: who}
	t.notes = func(rule, says string) { p.Steps = append(p.Steps, Step{rule, says}) }
	r, err := b.prepare(who, r, t)
	if t.link != nil {
		p.PBX = t.link.name
	}
	if err != nil {
		return p, asAnswer(err)
	}
	p.Request = r
	return p, nil
}
