package freeswitch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta/callmodel"
)

// ofVariables are the headers that are variables of a leg; only some events have them.
var ofVariables = func() (is [keys]bool) {
	for name, k := range names {
		is[k] = strings.HasPrefix(name, "variable_") && !strings.HasPrefix(name, "variable_farhook_")
	}
	return is
}()

func full(e *event) bool {
	for k := range keys {
		if ofVariables[k] && e.get(k) != "" {
			return true
		}
	}
	return false
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
		if e.seq < old.seq {
			continue
		}
		for k := range keys {
			if !ofVariables[k] && k < markCall || ofVariables[k] && full(e) {
				old.value[k] = e.get(k)
			}
		}
		if old.seq = e.seq; e.name() == "CHANNEL_PROGRESS" && old.get(callDirection) == "outbound" {
			old.value[callState] = "RINGING" // it is set in the next moment
		}
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
			e.value[markHolder], e.value[markCall] = l.plan.by.leg().id, l.call.id
		}
		for _, n := range l.call.conns {
			if n.holder != nil && n != l.conn {
				e.value[markHolder], e.value[markCall] = n.holder.id, l.call.id
			}
		}
	}
}

// At whatever octet the connection is lost: what has come whole is heard and nothing else, and after a resync from what the PBX has then every
// call goes on, no state is left over when all have hung up, and every device that the PBX still has in a call is in one.
func TestCutAndResync(t *testing.T) {
	for _, name := range dialogueNames(t) {
		t.Run(name, func(t *testing.T) {
			list := cuttable(t, name)
			rnd := rand.New(rand.NewPCG(uint64(len(list)), 3))
			var before []byte // the frame before
			for cut, m := range list {
				if cut > 0 {
					cutAt(t, list, cut, name != "reconnect-resync")
				}
				if m.client || len(m.text) < 3 {
					continue
				}
				head := bytes.Index(m.text, []byte("\n\n")) + 1
				for _, at := range [...]int{1, 1 + rnd.IntN(head), head, head + 1 + rnd.IntN(len(m.text)-head), len(m.text) - 1} {
					wholeOnly(t, before, m.text[:min(at, len(m.text)-1)])
				}
				before = m.text
			}
		})
	}
}

// cuttable is a recording as far as it is of one connection.
func cuttable(t *testing.T, name string) []record {
	list := records(t, name)
	if i := slices.IndexFunc(list, func(m record) bool { return m.link == "2" }); name == "reconnect-resync" {
		return list[:i]
	}
	return list
}

// wholeOnly reads what came until the connection was lost: a whole frame, and part of one.
func wholeOnly(t *testing.T, whole, part []byte) {
	t.Helper()
	r := bufio.NewReaderSize(bytes.NewReader(slices.Concat(whole, part)), maxHeader)
	if len(whole) > 0 {
		f, err := readFrame(r, nil)
		if err != nil || !bytes.HasSuffix(whole, f.body) {
			t.Fatalf("the whole frame: %v", err)
		}
	}
	if f, err := readFrame(r, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("part of a frame, %d octets: %+v, %v\n%s", len(part), f, err, part)
	}
}

// resynced is a tracker that was made from what the PBX has at a cut, after another one had heard all before it.
func resynced(t *testing.T, list []record, cut int) (before, after *replayer, legs []*event) {
	before = newReplayer(t)
	for _, m := range list[:cut] {
		before.take(m)
	}
	now := before.track.now
	legs = dumps(list, before.roles, cut)
	marked(before.track, legs)
	after = newReplayer(t)
	after.roles = before.roles
	after.track.now = now
	after.track.adopt(legs)
	after.track.until(now.Add(time.Millisecond))
	after.track.remember(before.track)
	return before, after, legs
}

func cutAt(t *testing.T, list []record, cut int, whole bool) {
	t.Helper()
	before, after, legs := resynced(t, list, cut)
	m := callmodel.New()
	for _, f := range before.facts {
		m.Apply(f)
	}
	m.Resync(after.track.state(), after.track.now)
	after.facts = nil
	for _, e := range legs { // nobody is lost
		l := after.track.legs[e.get(uniqueID)]
		if after.track.wires[e.get(uniqueID)] != nil && strings.HasPrefix(e.get(channelName), "loopback/") {
			continue
		}
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
	if n := len(m.State().Calls) + len(after.track.legs) + len(after.track.wires); n != 0 && whole {
		t.Fatalf("cut at %d: left over: %v, %d legs", cut, m.State().Calls, len(after.track.legs))
	}
}

// A resync neither invents nor loses anything: its calls are those that were told then, or are told within the next moment; with a leg's dump
// newer than its last event. The cuts at which it finds something else are listed in testdata/resyncs.txt, with what it finds and why: all of them are
// while the PBX is at work, when what it has is no more what it was, and not yet what it will be. There, the events that come next put it right, by the
// time that the list says.
func TestResyncInventsNothing(t *testing.T) {
	listed := map[string][]string{}
	reason := true
	for line := range strings.Lines(string(file(t, "testdata/resyncs.txt"))) {
		switch line = strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "    "):
			reason = true
		case line != "":
			if !reason {
				t.Errorf("%s: the line before it has no reason", line)
			}
			name, rest, _ := strings.Cut(line, " ")
			listed[name] = append(listed[name], rest)
			reason = false
		}
	}
	for _, name := range dialogueNames(t) {
		t.Run(name, func(t *testing.T) {
			list := cuttable(t, name)
			var told, found []string
			var at []time.Duration
			for cut := 1; cut < len(list); cut++ {
				before, after, _ := resynced(t, list, cut)
				now := after.track.now.Add(time.Second)
				before.flush()
				before.track.until(now)
				after.track.until(now)
				told, found, at = append(told, parties(before.track)), append(found, parties(after.track)), append(at, now.Sub(began))
			}
			var now []string
			first, most := 0, time.Duration(0)
			for i := range found {
				near := false
				for j := range told {
					near = near || told[j] == found[i] && (at[j]-at[i]).Abs() < 150*time.Millisecond
				}
				if near {
					first = 0
					continue
				}
				if first == 0 || found[i] != found[i-1] {
					now, first, most = append(now, ""), i+1, 0
				}
				most = max(most, rightAfter(t, list, i+1))
				now[len(now)-1] = fmt.Sprintf("cut at %d to %d: %s; right after %d ms", first, i+1, shortened(found[i]), most.Milliseconds())
			}
			if *update {
				for _, l := range now {
					t.Log("RESYNC", name, l)
				}
			}
			if !slices.Equal(now, listed[name]) {
				t.Errorf("it finds\n%s\nlisted are\n%s", strings.Join(now, "\n"), strings.Join(listed[name], "\n"))
			}
		})
	}
}

// rightAfter is how long after a cut, by the recording's clock, the calls that a resync found are those that were told.
func rightAfter(t *testing.T, list []record, cut int) time.Duration {
	t.Helper()
	straight, after, _ := resynced(t, list, cut)
	for _, m := range list[cut:] {
		if parties(straight.track) == parties(after.track) {
			return max(m.at-list[cut-1].at, 0)
		}
		straight.take(m)
		after.take(m)
	}
	last := list[len(list)-1].at
	for _, r := range []*replayer{straight, after} {
		r.until(began.Add(last + time.Second))
	}
	if parties(straight.track) != parties(after.track) {
		t.Errorf("cut at %d: it never is: %s, told are %s", cut, parties(after.track), parties(straight.track))
	}
	return last + time.Second - list[cut-1].at
}

var callIDs = regexp.MustCompile(`fs-[0-9a-f-]{36}`)

// shortened has short names for calls.
func shortened(list string) string {
	var ids []string
	return callIDs.ReplaceAllStringFunc(list, func(id string) string {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		return fmt.Sprintf("C%d", slices.Index(ids, id)+1)
	})
}

// parties are who is in which call, and how.
func parties(t *tracker) string {
	var list []string
	for _, c := range t.state().Calls {
		id, _, _ := strings.Cut(string(c.ID), ".") // what is behind the dot is chosen at random
		for _, l := range c.Legs {
			list = append(list, fmt.Sprintf("%s %s in %s", l.Device, l.State, id))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
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
