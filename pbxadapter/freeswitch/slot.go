package freeswitch

import (
	"context"
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// parkCall sends the other party into a slot of the valet parking lot.
func (a *Adapter) parkCall(ctx context.Context, r csta.ParkCall) (csta.ParkCallResponse, error) {
	var (
		none   csta.ParkCallResponse
		n      *connection
		own, f string
		slot   callmodel.Party
		talks  bool // the own leg has a talk, which ends, and nobody is parked for it
		parked bool // who is held is so by us
	)
	if r.Parking == nil {
		return none, csta.ErrParameterMissing.With("parking is missing")
	}
	done := func() {}
	a.ripe(ctx, *r.Parking)
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.in(*r.Parking, csta.ErrNoActiveCall, csta.Connected, csta.Hold); err != nil {
			return err
		}
		if !slices.Contains(a.conf.Park.Slots, string(r.ParkTo)) {
			return csta.ErrInvalidDestination.With(fmt.Errorf("parkTo: %q is no park slot: %v", clip(string(r.ParkTo)), a.conf.Park.Slots))
		}
		slot = t.known(string(r.ParkTo), 1)
		if len(t.at(slot.Device)) > 0 {
			return csta.ErrInvalidConnectionState.With(fmt.Errorf("freeswitch: in the slot %s is a call already", r.ParkTo))
		}
		l, err := only(n)
		if err != nil {
			return err
		}
		f = l.id
		if o := n.leg(); o != nil {
			own, talks = o.id, !t.holding(o)
		}
		if parked = n.holder != nil; parked {
			own = n.holder.id
		}
		done = a.mark(ctx, n.call)
		t.willPark(n, l, slot)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	if err = a.freed(ctx, f); err == nil && talks {
		err = a.freed(ctx, own)
	}
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+f+" 'valet_park:"+a.conf.Park.Lot+" "+string(slot.Device)+"' inline")
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "the own leg's CHANNEL_HANGUP", func() bool { return n.state == csta.Null })
	}
	if err != nil {
		return none, err
	}
	if parked {
		a.unmark(f)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends(ctx, []string{own})
	return csta.ParkCallResponse{ParkedTo: &csta.ConnectionID{Call: a.track.callID(n.call), Device: slot.Device}}, nil
}
