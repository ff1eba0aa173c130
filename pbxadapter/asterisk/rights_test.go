package asterisk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

// What a service asks of Asterisk is what it is said to take: without the right to any of that it is lacking, with that reason, or it is carried out in another
// way; and what is lacking for want of a right asks for that right, in one case or the other.
func TestEachRight(t *testing.T) {
	var all []string
	for _, r := range requirements {
		all = append(all, append(slices.Clone(r.actions), r.any...)...)
	}
	all = append(all, "PJSIPNotify")
	slices.Sort(all)
	all = slices.Compact(all)
	type need struct {
		service csta.Service
		action  string
	}
	lacking, used := map[need]bool{}, map[need]bool{}
	for kind, style := range kinds {
		for _, s := range append(slices.Clone(attempts), asking...) {
			// scene gives the request, at a point where it would be carried out, and which of the actions were asked for by then.
			scene := func(b *board) (csta.Request, map[string]int) {
				b.talk("101", "102")
				s.prepare(b)
				r := s.request(b)
				before := map[string]int{}
				for _, action := range all {
					before[action] = b.p.Asked(action)
				}
				return r, before
			}
			var uses []string
			var service csta.Service
			inBubble(t, plain(), func(b *board) {
				r, before := scene(b)
				service = r.Service()
				b.must(r)
				for _, action := range all {
					if b.p.Asked(action) > before[action] {
						uses = append(uses, action)
						used[need{service, action}] = true
					}
				}
			}, style)
			asks := slices.Clone(uses)
			for _, r := range requirements {
				if r.service == service {
					asks = append(asks, append(slices.Clone(r.actions), r.any...)...)
				}
			}
			slices.Sort(asks)
			for _, action := range slices.Compact(asks) {
				t.Run(kind+"/"+s.name+"/"+action, func(t *testing.T) {
					inBubble(t, plain(), func(b *board) {
						r, _ := scene(b)
						b.p.Change(fewer(action))
						b.pass(time.Minute)
						why := string(b.lacks("102")[service])
						if strings.Contains(why, "may not do "+action) || strings.Contains(why, " or "+action) {
							lacking[need{service, action}] = true
						}
						if s.rings && action == "Redirect" && slices.Contains(uses, action) { // held by that very right, which has been taken since: nothing is begun
							b.refuses(r, csta.ErrPrivilege)
							b.is("102", csta.Hold)
							b.is("102", csta.Connected)
							return
						}
						if why == "" && slices.Contains(uses, action) {
							if _, err := b.do(r); err != nil && !errors.Is(err, csta.ErrRequestIncompatible) { // which says what is to be done at the phone
								t.Errorf("it is offered, and answered %v", err)
							}
						}
					}, style)
				})
			}
		}
	}
	for n := range lacking {
		if !used[n] {
			t.Errorf("%s lacks without %s, which it never asks for", n.service, n.action)
		}
	}
}
