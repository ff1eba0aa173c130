package sim

import (
	"context"
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// The services that join calls or hand them over.

// others are the legs of a call but that of one device.
func (c *call) others(d csta.DeviceID) []*leg {
	return slices.DeleteFunc(slices.Clone(c.legs), func(l *leg) bool { return l.device == d })
}

// twice says whether one device is among both.
func twice(a, b []*leg) bool {
	return slices.ContainsFunc(a, func(l *leg) bool { return slices.ContainsFunc(b, func(o *leg) bool { return o.device == l.device }) })
}

// carry puts a leg from one call into another, without a word.
func (p *PBX) carry(l *leg, to *call) {
	from := l.call
	if from == to {
		return
	}
	from.legs = slices.DeleteFunc(from.legs, func(o *leg) bool { return o == l })
	p.at[l.device] = slices.DeleteFunc(p.at[l.device], func(o *call) bool { return o == from })
	if len(from.legs) == 0 {
		delete(p.calls, from.id)
	}
	l.call = to
	to.legs = append(to.legs, l)
	to.trunk = to.trunk || from.trunk
	p.at[l.device] = append(p.at[l.device], to)
}

// connections is the list of a response, as the event has it.
func connections(moves []callmodel.Move) []csta.ConnectionListItem {
	list := make([]csta.ConnectionListItem, 0, len(moves))
	for _, m := range moves {
		item := csta.ConnectionListItem{NewConnection: m.New, OldConnection: new(m.Old)}
		switch s := m.Party.Subject(); {
		case s.DeviceIdentifier != "":
			item.Endpoint = &csta.ConnectionListItemEndpoint{DeviceID: s.DeviceIdentifier}
		case s.Restricted:
			item.Endpoint = &csta.ConnectionListItemEndpoint{Restricted: true}
		default:
			item.Endpoint = &csta.ConnectionListItemEndpoint{NotKnown: true}
		}
		list = append(list, item)
	}
	return list
}

func (p *PBX) transferCall(ctx context.Context, r csta.TransferCall) (csta.TransferCallResponse, error) {
	return serve(p, ctx, func() (csta.TransferCallResponse, error) {
		var none csta.TransferCallResponse
		held, active, err := p.pair(r.HeldCall, r.ActiveCall, csta.Hold, csta.Connected)
		if err != nil {
			return none, err
		}
		if active.state != csta.Connected && active.state != csta.Hold {
			return none, csta.ErrNoActiveCall.With(fmt.Errorf("sim: %s is %s", active.id(), active.state))
		}
		to, moves, err := p.transfer(held, active)
		if err != nil {
			return none, err
		}
		return csta.TransferCallResponse{TransferredCall: to.id(), Connections: connections(moves)}, nil
	})
}

// transfer joins the other parties of two calls, under the name of the second. It gives the party transferred to.
func (p *PBX) transfer(held, active *leg) (*leg, []callmodel.Move, error) {
	who, result, old := held.device, active.call, held.call
	far := slices.DeleteFunc(result.others(who), func(l *leg) bool { return l.state == csta.Fail })
	if twice(old.others(who), far) {
		return nil, nil, csta.ErrInvalidConnectionState.With("sim: somebody would be in the call twice")
	}
	if len(far) == 0 || len(old.others(who)) == 0 || !old.talk(held) && !result.talk(active) {
		return nil, nil, csta.ErrInvalidConnectionState.With("sim: there is nobody to transfer, or nobody to transfer to")
	}
	to := far[0]
	var moves []callmodel.Move
	for _, l := range old.others(who) {
		moves = append(moves, listed(l, result))
	}
	for _, l := range far {
		moves = append(moves, listed(l, result))
	}
	p.tell(callmodel.Rearranged{
		Meta: p.meta(csta.CauseTransfer), How: callmodel.Transfer, Primary: old.id, Secondary: result.id, By: who,
		Other: to.party, Result: result.id, Moves: moves,
	})
	if old.calling.Device == who {
		result.calling = old.others(who)[0].party
	} else {
		result.calling = old.calling
	}
	result.called = to.party
	for _, l := range old.others(who) {
		p.carry(l, result)
	}
	p.remove(held)
	p.remove(active)
	p.sentBy(to, who)
	return to, moves, nil
}

func (p *PBX) conferenceCall(ctx context.Context, r csta.ConferenceCall) (csta.ConferenceCallResponse, error) {
	return serve(p, ctx, func() (csta.ConferenceCallResponse, error) {
		var none csta.ConferenceCallResponse
		held, active, err := p.pair(r.HeldCall, r.ActiveCall, csta.Hold, csta.Connected)
		if err != nil {
			return none, err
		}
		if active.state != csta.Connected {
			return none, csta.ErrNoActiveCall.With(fmt.Errorf("sim: %s is %s", active.id(), active.state))
		}
		far := active.call.others(held.device)
		if !active.call.talk(active) {
			return none, csta.ErrInvalidConnectionState.With("sim: the consulted party has not answered")
		}
		who, old, second := held.device, held.call, active.call
		if twice(old.others(who), far) {
			return none, csta.ErrInvalidConnectionState.With("sim: somebody would be in the call twice")
		}
		result := p.newCall()
		result.calling, result.called = old.calling, old.called
		own := callmodel.Move{Old: held.id(), New: csta.ConnectionID{Call: result.id, Device: who}, State: csta.Connected, Party: held.party}
		moves := []callmodel.Move{own}
		parties := append(old.others(who), far...)
		for _, l := range parties {
			moves = append(moves, listed(l, result))
		}
		p.tell(callmodel.Rearranged{
			Meta: p.meta(csta.CauseConference), How: callmodel.Conference, Primary: old.id, Secondary: second.id, By: who,
			Other: far[0].party, Result: result.id, Moves: moves,
		})
		p.remove(active)
		held.stop()
		held.state = csta.Connected
		p.carry(held, result)
		for _, l := range parties {
			p.carry(l, result)
		}
		return csta.ConferenceCallResponse{ConferenceCall: csta.ConnectionID{Call: result.id, Device: who}, Connections: connections(moves)}, nil
	})
}

func (p *PBX) singleStepTransferCall(ctx context.Context, r csta.SingleStepTransferCall) (csta.SingleStepTransferCallResponse, error) {
	return serve(p, ctx, func() (csta.SingleStepTransferCallResponse, error) {
		var none csta.SingleStepTransferCallResponse
		l, err := p.in(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected, csta.Hold)
		if err != nil {
			return none, err
		}
		if err := p.joinable(l, r.TransferredTo); err != nil {
			return none, err
		}
		to, old, who := r.TransferredTo, l.call, l.device
		result := p.newCall()
		result.calling, result.called, result.lastRd = old.calling, p.shown(to), old.lastRd
		far := old.others(who)
		if old.calling.Device == who {
			result.calling = far[0].party
		}
		next := csta.ConnectionID{Call: result.id, Device: to}
		var moves []callmodel.Move
		for _, o := range far {
			moves = append(moves, listed(o, result))
		}
		moves = append(moves, callmodel.Move{Old: next, New: next, State: csta.Null, Party: p.shown(to)})
		p.tell(callmodel.Rearranged{
			Meta: p.meta(csta.CauseSingleStepTransfer), How: callmodel.SingleStepTransfer, Primary: old.id, By: who,
			Other: p.shown(to), Result: result.id, Moves: moves,
		})
		p.remove(l)
		for _, o := range far {
			p.carry(o, result)
		}
		p.route(result, to, csta.CauseSingleStepTransfer, 0)
		p.sentBy(result.leg(to), who)
		return csta.SingleStepTransferCallResponse{TransferredCall: next}, nil
	})
}

func (p *PBX) singleStepConferenceCall(ctx context.Context, r csta.SingleStepConferenceCall) (csta.SingleStepConferenceCallResponse, error) {
	return serve(p, ctx, func() (csta.SingleStepConferenceCallResponse, error) {
		var none csta.SingleStepConferenceCallResponse
		l, err := p.in(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected)
		if err != nil {
			return none, err
		}
		to, c := r.DeviceToJoin, l.call
		if err := p.joinable(l, to); err != nil {
			return none, err
		}
		joined := csta.ConnectionID{Call: c.id, Device: to}
		var moves []callmodel.Move
		for _, o := range c.legs {
			moves = append(moves, listed(o, c))
		}
		moves = append(moves, callmodel.Move{Old: joined, New: joined, State: csta.Null, Party: p.shown(to)})
		p.tell(callmodel.Rearranged{
			Meta: p.meta(csta.CauseSingleStepConference), How: callmodel.SingleStepConference, Primary: c.id, By: l.device,
			Other: p.shown(to), Result: c.id, Moves: moves,
		})
		p.route(c, to, csta.CauseSingleStepConference, 0)
		return csta.SingleStepConferenceCallResponse{ConferencedCall: joined}, nil
	})
}

// joinable checks a destination that is to come into a call that is up.
func (p *PBX) joinable(l *leg, to csta.DeviceID) error {
	switch {
	case !l.call.talk(l):
		return csta.ErrInvalidConnectionState.With("sim: nobody else in the call has answered")
	case l.call.leg(to) != nil:
		return csta.ErrInvalidDestination.With(fmt.Errorf("sim: %s is in the call already", to))
	case p.outside(to) && p.trunksBusy():
		return csta.ErrNetworkBusy.With("sim: every trunk is in use")
	}
	return dialable(to, csta.ErrInvalidDestination)
}

func (p *PBX) directedPickupCall(ctx context.Context, r csta.DirectedPickupCall) (csta.DirectedPickupCallResponse, error) {
	return serve(p, ctx, func() (csta.DirectedPickupCallResponse, error) {
		var none csta.DirectedPickupCallResponse
		if r.CallToBePickedUp == nil {
			return none, csta.ErrParameterMissing.With("callToBePickedUp is missing")
		}
		from, err := p.in(*r.CallToBePickedUp, csta.ErrInvalidConnectionState, csta.Alerting, csta.Queued)
		if err != nil {
			return none, err
		}
		l, err := p.pickup(from, r.RequestingDevice)
		if err != nil {
			return none, err
		}
		return csta.DirectedPickupCallResponse{PickedCall: new(l.id())}, nil
	})
}

func (p *PBX) pickup(from *leg, to csta.DeviceID) (*leg, error) {
	if err := p.phone(to); err != nil {
		return nil, err
	}
	if err := p.free(to, nil, csta.ErrInvalidDeviceState); err != nil {
		return nil, err
	}
	return p.take(from, to)
}

// groupPickupCall takes the call that has rung longest at a phone of the same pickup group: ten extensions are one.
func (p *PBX) groupPickupCall(ctx context.Context, r csta.GroupPickupCall) (csta.GroupPickupCallResponse, error) {
	return serve(p, ctx, func() (csta.GroupPickupCallResponse, error) {
		var none csta.GroupPickupCallResponse
		if err := p.phone(r.NewDestination); err != nil {
			return none, err
		}
		var oldest *leg
		for _, c := range p.calls {
			for _, l := range c.legs {
				mine := p.ext(l.device) != 0 && (p.ext(l.device)-1)/10 == (p.ext(r.NewDestination)-1)/10 && l.device != r.NewDestination
				if mine && l.state == csta.Alerting && (oldest == nil || l.since.Before(oldest.since)) {
					oldest = l
				}
			}
		}
		if oldest == nil {
			return none, csta.ErrNoCallToAnswer.With("sim: nothing rings in the pickup group")
		}
		l, err := p.pickup(oldest, r.NewDestination)
		if err != nil {
			return none, err
		}
		return csta.GroupPickupCallResponse{PickedCall: new(l.id())}, nil
	})
}

func (p *PBX) parkCall(ctx context.Context, r csta.ParkCall) (csta.ParkCallResponse, error) {
	return serve(p, ctx, func() (csta.ParkCallResponse, error) {
		var none csta.ParkCallResponse
		if r.Parking == nil {
			return none, csta.ErrParameterMissing.With("parking is missing")
		}
		l, err := p.in(*r.Parking, csta.ErrNoActiveCall, csta.Connected, csta.Hold)
		if err != nil {
			return none, err
		}
		switch {
		case !p.slot(r.ParkTo):
			return none, csta.ErrInvalidDestination.With(fmt.Errorf("parkTo: %q is no park slot: %s1 to %[2]s%[3]d", r.ParkTo, p.slotsAt, slots))
		case len(p.at[r.ParkTo]) > 0:
			return none, csta.ErrInvalidConnectionState.With(fmt.Errorf("sim: in the slot %s is a call already", r.ParkTo))
		case len(l.call.others(l.device)) == 0:
			return none, csta.ErrInvalidConnectionState.With("sim: there is nobody to park")
		}
		c := l.call
		p.divert(l, r.ParkTo, csta.CausePark)
		n := p.add(c, r.ParkTo)
		p.move(n, csta.Queued, csta.CausePark)
		return csta.ParkCallResponse{ParkedTo: new(n.id())}, nil
	})
}
