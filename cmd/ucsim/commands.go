package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"farhook/csta"
)

// command is one thing that a user can type.
type command struct {
	name, args, help string
	least            int // words it needs
	run              func(context.Context, *ua, []string) error
}

// The commands, in the order of the help. Those that act on a call take the newest one in a state that fits.
func commandTable() []command {
	return []command{
		{"call", "NUMBER", "call somebody", 1, call},
		{"answer", "", "answer the call that rings", 0, answer},
		{"hangup", "", "end the newest call", 0, hangup},
		{"hold", "", "hold the connected call", 0, hold},
		{"retrieve", "", "take the held call back", 0, retrieve},
		{"consult", "NUMBER", "hold the connected call, and call somebody", 1, consult},
		{"alternate", "", "swap the held and the connected call", 0, alternate},
		{"reconnect", "", "end the connected call, and take the held one back", 0, reconnect},
		{"transfer", "[NUMBER]", "join the held and the connected call, or send the connected call to NUMBER", 0, transfer},
		{"conference", "[NUMBER]", "join the held and the connected call and stay in, or add NUMBER", 0, conference},
		{"deflect", "NUMBER", "send the call that rings elsewhere", 1, deflect},
		{"pickup", "[NUMBER]", "take the call that rings or waits at NUMBER, or the one that has rung longest in the pickup group", 0, pickup},
		{"park", "SLOT", "park the connected call", 1, park},
		{"dtmf", "DIGITS", "send digits into the connected call", 1, dtmf},
		{"forward", "NUMBER|off", "forward every call, or no longer", 1, forward},
		{"dnd", "on|off", "do not disturb", 1, dnd},
		{"calls", "", "list the line's calls, as the events told them", 0, list},
		{"wait", "EVENT [...]", "wait for events one after the other, such as: wait Delivered Established", 1, wait},
		{"sleep", "DURATION", "do nothing for a while, such as 2s", 1, sleep},
	}
}

func commandHelp() string {
	var b strings.Builder
	b.WriteString("Commands, typed or from --script:\n\n")
	for _, c := range commandTable() {
		fmt.Fprintf(&b, "  %-22s %s\n", c.name+" "+c.args, c.help)
	}
	b.WriteString("  quit                   sign out\n")
	return b.String()
}

// do carries one command out.
func (u *ua) do(ctx context.Context, words []string) error {
	for _, c := range commandTable() {
		if c.name != words[0] {
			continue
		}
		if len(words)-1 < c.least {
			return fmt.Errorf("usage: %s %s", c.name, c.args)
		}
		return c.run(ctx, u, words[1:])
	}
	return fmt.Errorf("no such command; there are: %s", strings.Join(commandNames(), " "))
}

func commandNames() []string {
	var n []string
	for _, c := range commandTable() {
		n = append(n, c.name)
	}
	return append(n, "quit")
}

// dialled is a number as a UC client sends it.
func dialled(s string) csta.DeviceID {
	switch {
	case strings.Contains(s, ":"):
		return csta.DeviceID(s)
	case strings.HasPrefix(s, "+"):
		return csta.DeviceID("tel:" + s)
	}
	return csta.DeviceID("tel:" + s + ";phone-context=dialstring")
}

func (u *ua) own() csta.DeviceID { return csta.DeviceID(u.conf.Line) }

func (u *ua) connection(states ...csta.State) (csta.ConnectionID, error) {
	id, err := u.calls.find(states...)
	return csta.ConnectionID{Call: id, Device: u.own()}, err
}

// on asks for a service on the newest call in one of the states.
func on[R csta.Response](ctx context.Context, u *ua, request func(csta.ConnectionID) csta.Request, states ...csta.State) error {
	c, err := u.connection(states...)
	if err != nil {
		return err
	}
	_, err = ask[R](ctx, u, request(c))
	return err
}

// both asks for a service on the held and the connected call.
func both[R csta.Response](ctx context.Context, u *ua, request func(held, active csta.ConnectionID) csta.Request) error {
	held, err := u.connection(csta.Hold)
	if err != nil {
		return err
	}
	active, err := u.connection(csta.Connected)
	if err != nil {
		return err
	}
	_, err = ask[R](ctx, u, request(held, active))
	return err
}

func call(ctx context.Context, u *ua, w []string) error {
	r, err := ask[csta.MakeCallResponse](ctx, u, csta.MakeCall{
		CallingDevice: u.own(), CalledDirectoryNumber: dialled(w[0]), AutoOriginate: csta.AutoOriginateDoNotPrompt,
	})
	if err == nil {
		u.print.line("call %s", r.CallingDevice.Call)
	}
	return err
}

func answer(ctx context.Context, u *ua, _ []string) error {
	return on[csta.AnswerCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request { return csta.AnswerCall{CallToBeAnswered: c} }, csta.Alerting)
}

func hangup(ctx context.Context, u *ua, _ []string) error {
	return on[csta.ClearConnectionResponse](ctx, u, func(c csta.ConnectionID) csta.Request { return csta.ClearConnection{ConnectionToBeCleared: c} },
		csta.Connected, csta.Initiated, csta.Alerting, csta.Hold, csta.Queued, csta.Fail)
}

func hold(ctx context.Context, u *ua, _ []string) error {
	return on[csta.HoldCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request { return csta.HoldCall{CallToBeHeld: c} }, csta.Connected)
}

func retrieve(ctx context.Context, u *ua, _ []string) error {
	return on[csta.RetrieveCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request { return csta.RetrieveCall{CallToBeRetrieved: c} }, csta.Hold)
}

func consult(ctx context.Context, u *ua, w []string) error {
	return on[csta.ConsultationCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.ConsultationCall{ExistingCall: c, ConsultedDevice: dialled(w[0])}
	}, csta.Connected)
}

func alternate(ctx context.Context, u *ua, _ []string) error {
	return both[csta.AlternateCallResponse](ctx, u, func(h, a csta.ConnectionID) csta.Request { return csta.AlternateCall{HeldCall: h, ActiveCall: a} })
}

func reconnect(ctx context.Context, u *ua, _ []string) error {
	return both[csta.ReconnectCallResponse](ctx, u, func(h, a csta.ConnectionID) csta.Request { return csta.ReconnectCall{HeldCall: h, ActiveCall: a} })
}

func transfer(ctx context.Context, u *ua, w []string) error {
	if len(w) == 0 {
		return both[csta.TransferCallResponse](ctx, u, func(h, a csta.ConnectionID) csta.Request { return csta.TransferCall{HeldCall: h, ActiveCall: a} })
	}
	return on[csta.SingleStepTransferCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: dialled(w[0])}
	}, csta.Connected)
}

func conference(ctx context.Context, u *ua, w []string) error {
	if len(w) == 0 {
		return both[csta.ConferenceCallResponse](ctx, u, func(h, a csta.ConnectionID) csta.Request { return csta.ConferenceCall{HeldCall: h, ActiveCall: a} })
	}
	return on[csta.SingleStepConferenceCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.SingleStepConferenceCall{ActiveCall: c, DeviceToJoin: dialled(w[0]), ParticipationType: csta.ParticipationTypeActive}
	}, csta.Connected)
}

func deflect(ctx context.Context, u *ua, w []string) error {
	return on[csta.DeflectCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.DeflectCall{CallToBeDiverted: c, NewDestination: dialled(w[0])}
	}, csta.Alerting)
}

func park(ctx context.Context, u *ua, w []string) error {
	return on[csta.ParkCallResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.ParkCall{Parking: &c, ParkTo: dialled(w[0])}
	}, csta.Connected)
}

func pickup(ctx context.Context, u *ua, w []string) error {
	if len(w) == 0 {
		_, err := ask[csta.GroupPickupCallResponse](ctx, u, csta.GroupPickupCall{NewDestination: u.own()})
		return err
	}
	_, err := ask[csta.DirectedPickupCallResponse](ctx, u, csta.DirectedPickupCall{
		CallToBePickedUp: &csta.ConnectionID{Device: dialled(w[0])}, RequestingDevice: u.own(),
	})
	return err
}

func list(_ context.Context, u *ua, _ []string) error {
	u.calls.each(func(id csta.CallID, s csta.State) { u.print.line("  call %s is %s", id, s) })
	return nil
}

func dtmf(ctx context.Context, u *ua, w []string) error {
	return on[csta.GenerateDigitsResponse](ctx, u, func(c csta.ConnectionID) csta.Request {
		return csta.GenerateDigits{ConnectionToSendDigits: c, CharactersToSend: w[0]}
	}, csta.Connected)
}

func forward(ctx context.Context, u *ua, w []string) error {
	q := csta.SetForwarding{Device: u.own(), ForwardingType: csta.ForwardImmediate, ActivateForward: w[0] != "off"}
	if q.ActivateForward {
		q.ForwardDN = dialled(w[0])
	}
	_, err := ask[csta.SetForwardingResponse](ctx, u, q)
	return err
}

func dnd(ctx context.Context, u *ua, w []string) error {
	if w[0] != "on" && w[0] != "off" {
		return fmt.Errorf("%q is neither on nor off", w[0])
	}
	_, err := ask[csta.SetDoNotDisturbResponse](ctx, u, csta.SetDoNotDisturb{Device: u.own(), DoNotDisturbOn: w[0] == "on"})
	return err
}

// wait takes events in order; those in between are passed over.
func wait(ctx context.Context, u *ua, names []string) error {
	limit := time.After(u.conf.Patience)
	for _, name := range names {
		for !u.calls.take(name) {
			select {
			case <-u.calls.news:
			case err := <-u.dead:
				u.dead <- err
				return err
			case <-ctx.Done():
				return ctx.Err()
			case <-limit:
				return fmt.Errorf("no %s within %v", name, u.conf.Patience)
			}
		}
	}
	return nil
}

func sleep(ctx context.Context, _ *ua, w []string) error {
	d, err := time.ParseDuration(w[0])
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
