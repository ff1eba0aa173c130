package freeswitch

import (
	"fmt"
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

// shuffle moves events of the PBX by up to 14 ms either way, but not over what we or people did meanwhile.
func shuffle(list []record, r *rand.Rand) []record {
	list = slices.Clone(list)
	start := 0
	for i := 0; i <= len(list); i++ {
		if i < len(list) && !list[i].client && list[i].note == "" {
			continue
		}
		part := list[start:i]
		for j := range part {
			part[j].at += time.Duration(r.IntN(15)) * time.Millisecond
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

// dump is a leg as uuid_dump would show it at a moment: its last event, with what bridges and parts said.
func dumps(list []record, roles map[string][2]string, upTo int) []*event {
	var (
		at    = map[string]*event{}
		bonds = map[string]string{}
		order []string
	)
	for _, m := range list[:upTo] {
		if m.event == nil {
			continue
		}
		e := new(event)
		if *e = *m.parsed; e.get(uniqueID) == "" && e.get(bridgeA) == "" {
			continue
		}
		switch e.name() {
		case "CHANNEL_DATA":
			continue
		case "CHANNEL_BRIDGE":
			a, b := e.get(bridgeA), e.get(bridgeB)
			bonds[a], bonds[b] = b, a
		case "CHANNEL_UNBRIDGE":
			a, b := e.get(bridgeA), e.get(bridgeB)
			if bonds[a] == b {
				delete(bonds, a)
				delete(bonds, b)
			}
		case "CHANNEL_HANGUP":
			delete(at, e.get(uniqueID))
			bonds[e.get(uniqueID)] = "gone"
			continue
		}
		id := e.get(uniqueID)
		old := at[id]
		if old == nil {
			if e.name() != "CHANNEL_CREATE" {
				continue
			}
			at[id] = e
			order = append(order, id)
			if role, ok := roles[id]; ok {
				e.value[markRole], e.value[markTo] = role[0], role[1]
			}
			continue
		}
		for _, k := range []key{callState, answerState, signalBond, conferenceVar} {
			if v := e.get(k); v != "" || k == signalBond && e.get(userName)+e.get(dialedUser) != "" {
				old.value[k] = v
			}
		}
		if e.name() == "CHANNEL_CALLSTATE" && e.get(callState) == "ACTIVE" {
			old.value[answerState] = "answered"
		}
		old.seq = max(old.seq, e.seq)
	}
	var all []*event
	for _, id := range order {
		if e := at[id]; e != nil {
			e.value[signalBond] = bonds[id]
			all = append(all, e)
		}
	}
	return all
}

// marked sets the variables that our services set on legs, before they need them.
func marked(t *tracker, legs []*event) {
	for _, e := range legs {
		for _, m := range t.marks {
			if m.leg == e.get(uniqueID) {
				e.value[markCall] = m.call
			}
		}
		l := t.legs[e.get(uniqueID)]
		if l == nil || l.call == nil {
			continue
		}
		if l.plan != nil && l.plan.kind == planHold && l.plan.far[0] == l {
			e.value[markHolder] = l.plan.by.leg().id
		}
		for _, n := range l.call.conns {
			if n.holder != nil && n != l.conn {
				e.value[markHolder] = n.holder.id
			}
		}
	}
}

// At whatever message the connection is lost: after a resync every call goes on, no state is left over when all have hung up, and
// every device that the PBX still has in a call is in one.
func TestCutAndResync(t *testing.T) {
	for _, name := range dialogueNames(t) {
		if strings.HasPrefix(name, "consult-att-xfer") || name == "reconnect-resync" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			list := records(t, name)
			step := 1
			if len(list) > 200 || testing.Short() {
				step = 5
			}
			for cut := 1; cut < len(list); cut += step {
				cutAt(t, list, cut)
			}
		})
	}
}

func cutAt(t *testing.T, list []record, cut int) {
	t.Helper()
	before := newReplayer(t)
	for _, m := range list[:cut] {
		before.take(m)
	}
	m := callmodel.New()
	for _, f := range before.facts {
		m.Apply(f)
	}
	now := before.track.now
	legs := dumps(list, before.roles, cut)
	marked(before.track, legs)
	after := newReplayer(t)
	after.roles = before.roles
	after.track.now = now
	after.track.adopt(legs)
	after.track.until(now.Add(time.Millisecond))
	after.track.remember(before.track)
	m.Resync(after.track.state(), now)
	after.facts = nil
	for _, e := range legs { // nobody is lost
		l := after.track.legs[e.get(uniqueID)]
		if l == nil {
			t.Fatalf("cut at %d: leg %s is lost", cut, e.get(uniqueID))
		}
		if l.conn == nil && l.role != picks || l.conn != nil && after.track.calls[l.call.id] != l.call {
			t.Fatalf("cut at %d: leg %s of %s is in no call", cut, l.id, l.device)
		}
	}
	after.play(list[cut:])
	for _, f := range after.facts {
		m.Apply(f)
	}
	if n := len(m.State().Calls) + len(after.track.legs); n != 0 {
		t.Fatalf("cut at %d: left over: %v, %d legs", cut, m.State().Calls, len(after.track.legs))
	}
}

// The recorded resync: what happened unseen is told as the difference, and the calls go on.
func TestRecordedResync(t *testing.T) {
	list := records(t, "reconnect-resync")
	lost := slices.IndexFunc(list, func(m record) bool { return m.link == "2" })
	before := newReplayer(t)
	for _, m := range list[:lost] {
		before.take(m)
	}
	before.until(began.Add(2 * time.Second))
	m := callmodel.New()
	tell(t, m, before.facts)
	after := newReplayer(t)
	after.track.now = began.Add(list[lost].at)
	var legs []*event
	for _, r := range list[lost:] {
		if r.event != nil && r.parsed.name() == "CHANNEL_DATA" {
			e := *r.parsed
			legs = append(legs, &e)
		}
	}
	if len(legs) != 4 {
		t.Fatalf("%d dumps", len(legs))
	}
	after.track.adopt(legs)
	after.track.remember(before.track)
	told := m.Resync(after.track.state(), after.track.now)
	after.facts = nil
	after.play(list[lost:])
	told = append(told, tell(t, m, after.facts)...)
	var b strings.Builder
	for _, l := range describe(told) {
		fmt.Fprintln(&b, l)
	}
	golden(t, "testdata/events/reconnect-resync-second.txt", b.String())
	if n := len(m.State().Calls); n != 0 {
		t.Errorf("%d calls are left over", n)
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
