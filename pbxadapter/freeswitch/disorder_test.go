package freeswitch

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta/callmodel"
)

// shape is the events of a dialogue without their times, each device's own in order.
func shape(list []heard) map[string][]string {
	m := map[string][]string{}
	for _, h := range list {
		h.at = ""
		m[h.hearer] = append(m[h.hearer], h.String())
	}
	return m
}

// Events that come up to 30 ms out of order make no difference.
func TestShuffled(t *testing.T) {
	for _, name := range dialogueNames(t) {
		if name == "reconnect-resync" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			list := records(t, name)
			straight := newReplayer(t)
			straight.play(list)
			want := shape(describe(tell(t, callmodel.New(), straight.facts)))
			for seed := range uint64(5) {
				r := newReplayer(t)
				r.play(shuffle(list, rand.New(rand.NewPCG(seed, 7))))
				got := shape(describe(tell(t, callmodel.New(), r.facts)))
				for d := range want {
					if !slices.Equal(got[d], want[d]) {
						t.Fatalf("seed %d: %s hears\n%s\nwant\n%s", seed, d, strings.Join(got[d], "\n"), strings.Join(want[d], "\n"))
					}
				}
			}
		})
	}
}

// shuffle has events of the PBX come up to 29 ms later, but not over what we or people did meanwhile.
func shuffle(list []record, r *rand.Rand) []record {
	list = slices.Clone(list)
	start := 0
	for i := 0; i <= len(list); i++ {
		if i < len(list) && !list[i].client && list[i].note == "" {
			continue
		}
		part := list[start:i]
		for j := range part {
			part[j].at += time.Duration(r.IntN(30)) * time.Millisecond
		}
		slices.SortStableFunc(part, func(a, b record) int { return int(a.at - b.at) })
		start = i + 1
	}
	return list
}

// When two legs end within a moment and the PBX tells it the wrong way round, with sequence numbers to match, who hung up is still told to
// have done so: in every recording, for every two such ends.
func TestEndsTheWrongWayRound(t *testing.T) {
	swapped := 0
	for _, name := range dialogueNames(t) {
		if name == "reconnect-resync" || strings.HasPrefix(name, "consult-att-xfer") { // the latter ends by a race of the PBX's own
			continue
		}
		list := records(t, name)
		straight := newReplayer(t)
		straight.play(list)
		want := shape(describe(tell(t, callmodel.New(), straight.facts)))
		last := -1
		for i, m := range list {
			if m.client || m.note != "" {
				last = -1
			}
			if m.event == nil || m.parsed.name() != "CHANNEL_HANGUP" {
				continue
			}
			if last >= 0 && m.at-list[last].at < 30*time.Millisecond {
				swapped++
				wrong := slices.Clone(list)
				first, second := list[last], m
				a, b := *first.parsed, *second.parsed
				a.seq, b.seq = b.seq, a.seq
				first.parsed, second.parsed, first.at, second.at = &a, &b, second.at, first.at
				wrong[last], wrong[i] = second, first
				r := newReplayer(t)
				r.play(wrong)
				got := shape(describe(tell(t, callmodel.New(), r.facts)))
				for d := range want {
					if !slices.Equal(got[d], want[d]) {
						t.Errorf("%s: %v before %v: %s hears\n%s\nwant\n%s", name, b.get(channelName), a.get(channelName), d, strings.Join(got[d], "\n"), strings.Join(want[d], "\n"))
					}
				}
			}
			last = i
		}
	}
	if swapped < 40 {
		t.Errorf("only %d ends were swapped", swapped)
	}
}

// Whatever comes in whatever order, the tracker lives: events of all dialogues at once, in no order, some twice, some not at all.
func TestNonsense(t *testing.T) {
	var all []record
	for _, name := range dialogueNames(t) {
		for _, m := range records(t, name) {
			if m.event != nil {
				all = append(all, m)
			}
		}
	}
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newReplayer(t)
		m := callmodel.New()
		for i := range 3 * len(all) {
			x := all[r.IntN(len(all))]
			x.at = time.Duration(i) * time.Millisecond
			p.take(x)
		}
		p.until(began.Add(2 * time.Hour))
		for _, f := range p.facts {
			m.Apply(f)
		}
		for id, l := range p.track.legs { // the end of every leg is the end of everything
			p.track.hangup(l, "NORMAL_CLEARING", new(event))
			_ = id
		}
		p.track.until(began.Add(3 * time.Hour))
		if n := len(p.track.legs) + len(p.track.calls); n != 0 {
			t.Errorf("seed %d: %d legs and calls are left over", seed, n)
		}
	}
}
