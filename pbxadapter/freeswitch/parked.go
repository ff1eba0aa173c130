package freeswitch

import (
	"context"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// The parked variant: a phone that obeys no NOTIFY has one leg, whatever its calls. To hold, the far end is sent to music; it is marked
// with who holds it, so that it is found again by whoever comes after us.

// parking is what a leg is told before it may be left alone for a while, and talking what it is told afterwards.
const (
	parking = "hangup_after_bridge=false;park_after_bridge=true"
	talking = "hangup_after_bridge=true;park_after_bridge=false"
)

// parkFar sends the far end to music, and waits until the own leg is free.
func (a *Adapter) parkFar(ctx context.Context, n *connection, own, far string, cause csta.EventCause) error {
	a.mu.Lock()
	id := n.call.id
	a.mu.Unlock()
	for _, command := range []string{
		"uuid_setvar_multi " + far + " " + parking + ";farhook_holder=" + own + ";farhook_call=" + id,
		"uuid_setvar_multi " + own + " " + parking,
	} {
		if err := a.send(ctx, command); err != nil {
			return err
		}
	}
	err := a.do(func(t *tracker) error {
		f := t.legs[far]
		if f == nil || n.state != csta.Connected {
			return csta.ErrNoActiveCall.With("freeswitch: the call has ended")
		}
		f.parked = own
		t.willHold(n, f, cause)
		return nil
	})
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+far+" 'm:^:playback:"+a.conf.Music+"^park:' inline")
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "CHANNEL_UNBRIDGE of "+own+" and "+far, func() bool { return n.state == csta.Hold })
	}
	return err
}

// unpark bridges the own leg with who is parked for it. Only when nobody is left parked do both end together again.
func (a *Adapter) unpark(ctx context.Context, own, far, id string, back func() bool) error {
	// Marked first: if we are gone in the next moment, the leg is found in the call that it goes back to.
	if err := a.send(ctx, "uuid_setvar "+own+" farhook_call "+id); err != nil {
		return err
	}
	if err := a.send(ctx, "uuid_bridge "+own+" "+far); err != nil {
		return err
	}
	if err := a.await(ctx, a.time.step, "CHANNEL_BRIDGE of "+own+" and "+far, back); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return nil
	}
	a.later(ctx, "uuid_setvar "+far+" farhook_holder")
	for _, c := range a.track.calls {
		for _, n := range c.conns {
			if n.holder != nil && n.holder.id == own {
				return nil
			}
		}
	}
	a.later(ctx, "uuid_setvar_multi "+own+" "+talking)
	a.later(ctx, "uuid_setvar_multi "+far+" "+talking)
	return nil
}

// consultParked has the own leg, whose far end is parked, dial a number, in the device's own context. When that talk is over, or fails, the
// leg parks and can take the other one back.
func (a *Adapter) consultParked(ctx context.Context, p *phoneLine, held *connection, number string, to callmodel.Party) (csta.ConnectionID, error) {
	none := csta.ConnectionID{}
	target, err := a.target(ctx, p, number)
	if err != nil {
		return none, err
	}
	var (
		own string
		c   *call
	)
	if err := a.do(func(t *tracker) error {
		if held.holder == nil || held.holder.dead {
			return csta.ErrNoHeldCall.With("freeswitch: the call has ended")
		}
		own = held.holder.id
		c = t.consults(held.holder, to, pbxadapter.Op(ctx))
		return nil
	}); err != nil {
		return none, err
	}
	// Marked first: if we are gone in the next moment, the leg is found in its second call.
	err = a.send(ctx, "uuid_setvar_multi "+own+" "+parking+";farhook_call="+c.id)
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+own+" 'm:^:set:continue_on_fail=true^set:ringback="+a.conf.Ringback+
			"^set:hangup_after_bridge=false^export:nolocal:park_after_bridge=true^execute_extension:"+target+"^park:' inline")
	}
	if err != nil {
		return none, err
	}
	// Taken: what it reaches, its events tell. A number inside the PBX makes no second leg.
	err = a.await(ctx, a.time.step, "", func() bool { return len(c.conns) != 1 })
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && !a.ready {
		return none, err
	}
	return csta.ConnectionID{Call: csta.CallID(a.name + "-" + c.id), Device: p.id}, nil
}

// freed lets legs end with their talk again.
func (a *Adapter) freed(ctx context.Context, legs ...string) error {
	for _, id := range legs {
		if err := a.send(ctx, "uuid_setvar_multi "+id+" "+strings.Join([]string{talking, "farhook_holder="}, ";")); err != nil {
			return err
		}
	}
	return nil
}
