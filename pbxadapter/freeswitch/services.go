package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// Services is the table of what can be carried out.
func (a *Adapter) Services() csta.Services {
	s := make(csta.Services)
	csta.Handle(s, a.makeCall)
	csta.Handle(s, a.answerCall)
	csta.Handle(s, a.clearConnection)
	csta.Handle(s, a.clearCall)
	csta.Handle(s, a.holdCall)
	csta.Handle(s, a.retrieveCall)
	csta.Handle(s, a.alternateCall)
	csta.Handle(s, a.consultationCall)
	csta.Handle(s, a.reconnectCall)
	csta.Handle(s, a.transferCall)
	csta.Handle(s, a.conferenceCall)
	csta.Handle(s, a.singleStepTransferCall)
	csta.Handle(s, a.singleStepConferenceCall)
	csta.Handle(s, a.deflectCall)
	csta.Handle(s, a.directedPickupCall)
	csta.Handle(s, a.groupPickupCall)
	csta.Handle(s, a.parkCall)
	csta.Handle(s, a.generateDigits)
	csta.Handle(s, a.getForwarding)
	csta.Handle(s, a.setForwarding)
	csta.Handle(s, a.getDoNotDisturb)
	csta.Handle(s, a.setDoNotDisturb)
	csta.Handle(s, a.getMessageWaitingIndicator)
	csta.Handle(s, a.setMessageWaitingIndicator)
	csta.Handle(s, a.snapshotDevice)
	csta.Handle(s, a.snapshotCall)
	csta.Handle(s, a.getLogicalDeviceInformation)
	return s
}

// ask looks something up with the lock, where there is a link.
func ask[T any](a *Adapter, f func(t *tracker) (T, error)) (T, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ready {
		var none T
		return none, csta.ErrResourceOutOfService.With("freeswitch: there is no link to the PBX")
	}
	return f(a.track)
}

// do is ask where only an error is of interest.
func (a *Adapter) do(f func(t *tracker) error) error {
	_, err := ask(a, func(t *tracker) (struct{}, error) { return struct{}{}, f(t) })
	return err
}

// find is the connection of that name. It is called with the lock.
func (a *Adapter) find(id csta.ConnectionID) (*connection, error) {
	c := a.track.find(id.Call)
	if c == nil {
		return nil, csta.ErrInvalidCallID.With(fmt.Errorf("freeswitch: there is no call %q", id.Call))
	}
	n := c.conn(id.Device)
	if n == nil {
		return nil, csta.ErrInvalidConnectionID.With(fmt.Errorf("freeswitch: %s is not in the call %s", id.Device, id.Call))
	}
	return n, nil
}

// in is the connection, if it is in one of the states, else the refusal.
func (a *Adapter) in(id csta.ConnectionID, refuse *csta.Error, states ...csta.State) (*connection, error) {
	n, err := a.find(id)
	if err == nil && (!slices.Contains(states, n.state) || n.kind == callmodel.Network) {
		return nil, refuse.With(fmt.Errorf("freeswitch: %s in %s is %s", id.Device, id.Call, n.state))
	}
	return n, err
}

// phone is one of our devices, in service.
func (a *Adapter) phone(d csta.DeviceID) (*phoneLine, error) {
	p, err := a.line(d)
	if err == nil && a.feat.out[p.id] {
		return nil, csta.ErrDeviceOutOfService.With(fmt.Errorf("freeswitch: %s is not registered", d))
	}
	return p, err
}

func (a *Adapter) line(d csta.DeviceID) (*phoneLine, error) {
	if p := a.byID[d]; p != nil {
		return p, nil
	}
	return nil, csta.ErrInvalidDeviceID.With(fmt.Errorf("freeswitch: there is no device %q", clip(string(d))))
}

// free checks that a phone can make a call: no other call of its than held ones.
func (a *Adapter) free(d csta.DeviceID, but *connection, refuse *csta.Error) error {
	for _, n := range a.track.at(d) {
		if n != but && n.state != csta.Hold {
			return refuse.With(fmt.Errorf("freeswitch: %s is %s in the call %s", d, n.state, a.track.callID(n.call)))
		}
	}
	return nil
}

// dial gives the digits that the PBX is to dial: the only way of a number into a command.
func (a *Adapter) dial(n csta.DeviceID, refuse *csta.Error) (string, error) {
	if p := a.byID[n]; p != nil {
		return p.user, nil
	}
	native, err := a.numbers.Native(n, pbxadapter.Called)
	if err == nil {
		err = whitelist(a.conf.Characters).check(native)
	}
	if err != nil {
		return "", refuse.With(fmt.Errorf("freeswitch: %w", err))
	}
	return native, nil
}

// party is how a number to be called is shown.
func (a *Adapter) party(n csta.DeviceID, native string) callmodel.Party {
	if p := a.byID[n]; p != nil {
		return callmodel.Party{Device: p.id, Shown: callmodel.Known, Name: p.name}
	}
	if _, ours := a.stations[native]; ours {
		return a.track.known(native, pbxadapter.Called)
	}
	return callmodel.Party{Device: n, Shown: callmodel.Known}
}

// mark lets what happens in calls be told as caused by a request, until the func that it gives is called.
func (a *Adapter) mark(ctx context.Context, calls ...*call) func() {
	op := pbxadapter.Op(ctx)
	for _, c := range calls {
		c.op = op
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, c := range calls {
			if c.op == op {
				c.op = 0
			}
		}
	}
}

// dialplan is where a device's calls run: its class of service.
func (a *Adapter) dialplan(ctx context.Context, p *phoneLine) (string, error) {
	a.mu.Lock()
	where := p.context
	a.mu.Unlock()
	if where == "" {
		where = a.conf.Context
	}
	if where == "" {
		text, err := a.query(ctx, "user_data "+p.user+"@"+a.conf.Domain+" var user_context")
		if err != nil && !errors.Is(err, csta.ErrRequestIncompatible) {
			return "", err
		}
		if !isName(text) {
			return "", csta.ErrInvalidDeviceID.With(fmt.Errorf("freeswitch: the PBX knows no user_context of %s@%s (%s): set devices.context", p.user, a.conf.Domain, clip(text)))
		}
		where = text
		a.mu.Lock()
		p.context = where
		a.mu.Unlock()
	}
	return where + " " + a.conf.Dialplan, nil
}

// target is what uuid_transfer is told, to have a leg dial a number as a device would.
func (a *Adapter) target(ctx context.Context, p *phoneLine, number string) (string, error) {
	where, err := a.dialplan(ctx, p)
	if err != nil {
		return "", err
	}
	c, d := cutPrefix(where, ' ')
	return number + " " + d + " " + c, nil
}

// far is the leg at the other end of a connection's talk.
func far(n *connection) *leg {
	for _, l := range n.legs {
		if l.peer != nil && !l.peer.dead {
			return l.peer
		}
	}
	for _, o := range n.call.others(n) {
		if l := o.leg(); l != nil && !l.dead {
			return l
		}
	}
	return nil
}

// only is far where there is one other party: of several, nobody could say which one a request means.
func only(n *connection) (*leg, error) {
	parties := 0
	for _, o := range n.call.others(n) {
		if o.state == csta.Connected || o.state == csta.Hold {
			parties++
		}
	}
	f := far(n)
	switch {
	case parties > 1:
		return nil, csta.ErrInvalidConnectionState.With(fmt.Errorf("freeswitch: there are %d other parties in the call of %s: one alone can be handed over", parties, n.device))
	case f == nil || !f.answered:
		return nil, errAlone
	}
	return f, nil
}

// ripe gives a talk that has just begun the moment that it takes until both of its legs are bridged: it is told when the called phone answers.
func (a *Adapter) ripe(ctx context.Context, ids ...csta.ConnectionID) {
	for _, id := range ids {
		_ = a.await(ctx, a.time.step/5, "", func() bool { // what is missing then is said by the service
			n, err := a.find(id)
			if err != nil || n.state != csta.Connected || n.leg() == nil {
				return true
			}
			f := far(n)
			return f == nil || f.conn == nil || f.conn.state == csta.Alerting || f.answered && (n.leg().peer == f || n.leg().room != nil)
		})
	}
}

var errAlone = csta.ErrInvalidConnectionState.With("freeswitch: there is nobody else in the call")
