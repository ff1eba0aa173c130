package asterisk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// People and requests do anything at any time, and farhook is killed now and then: whatever comes of it, what is told is what there is, as an audit says and
// as Asterisk's own list of channels has it, and every fact is a legal move. FARHOOK_ASTERISK_STEPS says how many steps (default 60), FARHOOK_ASTERISK_SEED
// which, and FARHOOK_ASTERISK_CRASH the command by which Asterisk is killed and started again now and then; without it it isn't.
func TestRealRandom(t *testing.T) {
	env := func(name string, n int) int {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return v
		}
		return n
	}
	seed := env("FARHOOK_ASTERISK_SEED", int(time.Now().Unix()))
	steps := env("FARHOOK_ASTERISK_STEPS", 60)
	t.Logf("FARHOOK_ASTERISK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	onReal(t, "", func(b *board, r rig) {
		var done []string
		pick := func(list ...string) string { return list[rng.IntN(len(list))] }
		phone := func() string { return pick("101", "102", "103", "104", "105", "106") }
		number := func() string {
			return pick("101", "102", "103", "104", "105", "106", "600", "610", "630", "651", "0301234567", "0901", "0906", "692", "701", "*8102")
		}
		audited := time.Now()
		for n := range steps {
			var text string
			switch crash := os.Getenv("FARHOOK_ASTERISK_CRASH"); {
			case rng.IntN(60) == 0:
				text = "farhook is killed, and starts again"
				b.stop()
				time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
				b.afresh()
			case crash != "" && rng.IntN(150) == 0:
				text = "Asterisk is killed, and starts again"
				if out, err := exec.Command("sh", "-c", crash).CombinedOutput(); err != nil { //nolint:gosec // whoever runs the test says so
					t.Fatalf("%v: %s", err, out)
				}
				b.until("the link is back", func() bool { _, err := b.a.connection(); return err == nil })
				b.hand(r.say("reset"))
			case rng.IntN(3) > 0:
				p := phone()
				text = pick(p+" call "+number(), p+" answer", p+" answer", p+" answer", p+" hangup", p+" hold", p+" unhold", p+" transfer "+number(), p+" attended", p+" dtmf 1",
					"net answer", "net hangup", "net call 4930555"+p+" from=0301234567", p+" reject 486")
				if err := r.say(text); err != nil {
					text += ": no"
				}
			default:
				if q := b.randomRequest(rng, phone, number); q != nil {
					_, err := b.do(q)
					text = fmt.Sprintf("%s %+v: %v", q.Service(), q, err)
				}
			}
			done = append(done, fmt.Sprintf("%d %s", n, text))
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
			if n%5 != 4 && n != steps-1 {
				continue
			}
			time.Sleep(1200 * time.Millisecond) // longer than anything that is still open
			repaired, err := b.a.Audit(context.Background(), "")
			if err != nil || repaired > 0 {
				t.Errorf("after %d steps: %d connections differed, %v\n%s\n%s", n+1, repaired, err, strings.Join(done[max(0, len(done)-15):], "\n"), b.lately(audited))
			}
			if wrong := b.picture(r); len(wrong) > 0 {
				t.Errorf("after %d steps: %s\n%s\n%s", n+1, strings.Join(wrong, "; "), strings.Join(done[max(0, len(done)-15):], "\n"), b.lately(audited))
			}
			audited = time.Now()
		}
		b.hand(r.say("reset"))
		b.over()
		b.mu.Lock()
		defer b.mu.Unlock()
		if odd := b.model.Odd(); odd > 0 {
			t.Errorf("%d facts are no legal moves", odd)
		}
	})
}

// picture is what Asterisk's own list of channels has otherwise than what is told: a phone has as many connections as channels, and who hear each other
// are in one call.
func (b *board) picture(r rig) (wrong []string) {
	b.t.Helper()
	nc, err := net.Dial("tcp", r.address)
	if err != nil {
		b.t.Fatal(err)
	}
	conn, err := ami.Open(context.Background(), nc, ami.Options{Username: r.username, Secret: r.secret, Challenge: true, EventMask: "off"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	list, err := conn.List(context.Background(), ami.NewAction("CoreShowChannels"))
	if err != nil {
		b.t.Fatal(err)
	}
	channels, bridges := map[csta.DeviceID]int{}, map[string][]csta.DeviceID{}
	defer func() {
		if len(wrong) == 0 {
			return
		}
		for _, m := range list.Items {
			text := ""
			for _, h := range []string{"Channel", "ChannelStateDesc", "Context", "Exten", "Application", "ApplicationData", "BridgeId", "Uniqueid", "Linkedid", "Duration"} {
				text += " " + m.Get(h)
			}
			wrong = append(wrong, "\n       "+text)
		}
	}()
	rings := map[string]csta.DeviceID{} // who called by which Linkedid
	for _, m := range list.Items {
		if _, endpoint := splitName(m.Get("Channel")); m.Get("ChannelStateDesc") != "Ringing" {
			rings[m.Get("Linkedid")+endpoint] = csta.DeviceID(endpoint)
		}
	}
	for _, m := range list.Items {
		technology, endpoint := splitName(m.Get("Channel"))
		if technology != "PJSIP" || len(endpoint) != 3 || endpoint[:2] != "10" {
			continue
		}
		d := csta.DeviceID(endpoint)
		if m.Get("ChannelStateDesc") == "Ringing" && rings[m.Get("Linkedid")+endpoint] == d {
			continue // it calls itself, by a group: a device has one connection in a call
		}
		channels[d]++
		dialled := m.Get("Application") == "ConfBridge" && m.Get("Context") != defaults().Context // each one's call of its own
		if id := m.Get("BridgeId"); id != "" && !dialled {
			bridges[id] = append(bridges[id], d)
		}
	}
	calls := map[csta.DeviceID]map[csta.CallID]csta.State{}
	for n := 101; n <= 106; n++ {
		d := csta.DeviceID(strconv.Itoa(n))
		calls[d] = map[csta.CallID]csta.State{}
		for _, c := range b.at(d) {
			for _, l := range c.Legs {
				if l.Device == d && l.State != csta.Fail {
					calls[d][c.ID] = l.State
				}
			}
		}
		if len(calls[d]) != channels[d] {
			wrong = append(wrong, fmt.Sprintf("%s has %d channels, and is told to be in %v", d, channels[d], calls[d]))
		}
	}
	in := func(x, y csta.DeviceID) bool {
		for id := range calls[x] {
			if calls[y][id] != "" {
				return true
			}
		}
		return x == y
	}
	where := map[csta.DeviceID][]string{}
	for id, list := range bridges {
		for i, x := range list {
			where[x] = append(where[x], id)
			for _, y := range list[:i] {
				if !in(x, y) {
					wrong = append(wrong, fmt.Sprintf("%s and %s hear each other, and are told to be in %v and %v", x, y, calls[x], calls[y]))
				}
			}
		}
	}
	for x, mine := range calls {
		for y, theirs := range calls {
			for id, state := range mine {
				together := slices.ContainsFunc(where[x], func(at string) bool { return slices.Contains(where[y], at) })
				if x < y && state == csta.Connected && theirs[id] == csta.Connected && !together {
					wrong = append(wrong, fmt.Sprintf("%s and %s are told to be in %s, and don't hear each other", x, y, id))
				}
			}
		}
	}
	return wrong
}

// lately are the events since then.
func (b *board) lately(since time.Time) string {
	var list []string
	names := map[csta.CallID]string{}
	for _, e := range b.events() {
		if e.At.After(since) {
			list = append(list, line(e, names))
		}
	}
	return strings.Join(list, "\n")
}

// randomRequest is one of those that make sense at some phone now; nil where none does.
func (b *board) randomRequest(rng *rand.Rand, phone, number func() string) csta.Request {
	d := csta.DeviceID(phone())
	to := csta.DeviceID(number())
	var mine []csta.ConnectionID
	states := map[csta.State][]csta.ConnectionID{}
	for _, c := range b.at(d) {
		if i := slices.IndexFunc(c.Legs, func(l callmodel.Leg) bool { return l.Device == d }); i >= 0 {
			id := csta.ConnectionID{Call: c.ID, Device: d}
			mine = append(mine, id)
			states[c.Legs[i].State] = append(states[c.Legs[i].State], id)
		}
	}
	one := func(s csta.State) (csta.ConnectionID, bool) {
		if l := states[s]; len(l) > 0 {
			return l[rng.IntN(len(l))], true
		}
		return csta.ConnectionID{}, false
	}
	var can []csta.Request
	if len(mine) == 0 {
		can = append(can, csta.MakeCall{CallingDevice: d, CalledDirectoryNumber: to, AutoOriginate: csta.AutoOriginateDoNotPrompt}, csta.GroupPickupCall{NewDestination: d})
	}
	if c, ok := one(csta.Alerting); ok {
		can = append(can, csta.AnswerCall{CallToBeAnswered: c}, csta.AnswerCall{CallToBeAnswered: c}, csta.DeflectCall{CallToBeDiverted: c, NewDestination: to},
			csta.DirectedPickupCall{CallToBePickedUp: &c, RequestingDevice: csta.DeviceID(phone())}, csta.ClearConnection{ConnectionToBeCleared: c})
	}
	if c, ok := one(csta.Connected); ok {
		can = append(can, csta.HoldCall{CallToBeHeld: c}, csta.ConsultationCall{ExistingCall: c, ConsultedDevice: to}, csta.ConsultationCall{ExistingCall: c, ConsultedDevice: to},
			csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: to}, csta.SingleStepConferenceCall{ActiveCall: c, DeviceToJoin: csta.DeviceID(strings.Replace(string(to), "610", "0901", 1))}, // whose phones may be in the call
			csta.ParkCall{Parking: &c, ParkTo: "701"}, csta.ClearConnection{ConnectionToBeCleared: c})
		if h, ok := one(csta.Hold); ok {
			can = append(can, csta.AlternateCall{HeldCall: h, ActiveCall: c}, csta.TransferCall{HeldCall: h, ActiveCall: c}, csta.ConferenceCall{HeldCall: h, ActiveCall: c},
				csta.ReconnectCall{HeldCall: h, ActiveCall: c}, csta.TransferCall{HeldCall: h, ActiveCall: c}, csta.ConferenceCall{HeldCall: h, ActiveCall: c})
		}
	}
	if c, ok := one(csta.Hold); ok {
		can = append(can, csta.RetrieveCall{CallToBeRetrieved: c})
	}
	can = slices.DeleteFunc(can, func(q csta.Request) bool { // as the switchboard does
		of := d
		if p, ok := q.(csta.DirectedPickupCall); ok {
			of = p.RequestingDevice
		}
		return b.lacks(of)[q.Service()] != ""
	})
	if len(can) == 0 {
		return nil
	}
	return can[rng.IntN(len(can))]
}
