package asterisk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// People and requests do anything at any time: whatever comes of it, what is told is what there is, as an audit says, and every fact is a legal
// move. FARHOOK_ASTERISK_STEPS says how many steps (default 60), FARHOOK_ASTERISK_SEED which.
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
			if rng.IntN(3) > 0 {
				p := phone()
				text = pick(p+" call "+number(), p+" answer", p+" answer", p+" answer", p+" hangup", p+" hold", p+" unhold", p+" transfer "+number(), p+" attended", p+" dtmf 1",
					"net answer", "net hangup", "net call 4930555"+p+" from=0301234567", p+" reject 486")
				if err := r.say(text); err != nil {
					text += ": no"
				}
			} else if q := b.randomRequest(rng, phone, number); q != nil {
				_, err := b.do(q)
				text = fmt.Sprintf("%s %+v: %v", q.Service(), q, err)
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
			csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: to}, csta.SingleStepConferenceCall{ActiveCall: c, DeviceToJoin: to},
			csta.ParkCall{Parking: &c, ParkTo: "701"}, csta.ClearConnection{ConnectionToBeCleared: c})
		if h, ok := one(csta.Hold); ok {
			can = append(can, csta.AlternateCall{HeldCall: h, ActiveCall: c}, csta.TransferCall{HeldCall: h, ActiveCall: c}, csta.ConferenceCall{HeldCall: h, ActiveCall: c},
				csta.ReconnectCall{HeldCall: h, ActiveCall: c}, csta.TransferCall{HeldCall: h, ActiveCall: c}, csta.ConferenceCall{HeldCall: h, ActiveCall: c})
		}
	}
	if c, ok := one(csta.Hold); ok {
		can = append(can, csta.RetrieveCall{CallToBeRetrieved: c})
	}
	if len(can) == 0 {
		return nil
	}
	return can[rng.IntN(len(can))]
}
