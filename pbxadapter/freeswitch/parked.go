package freeswitch

import (
	"context"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// The parked variant: a phone that obeys no NOTIFY has one leg, whatever its calls. To hold, the far end is sent to music; it is marked
// with who holds it, so that it is found again by whoever comes after us. Only the own leg parks by itself, when a talk of its is over: whoever
// it talks to ends with it, as in any other call.

// parking is what the own leg is told before its far end is parked, and talking what it is told afterwards.
func parking(far string) string {
	return "hangup_after_bridge=false;park_after_bridge=true;farhook_parks=" + far
}

const talking = "hangup_after_bridge=true;park_after_bridge=false;farhook_parks="

// parkFar sends the far end to music, and waits until the own leg is free.
func (a *Adapter) parkFar(ctx context.Context, n *connection, own, far string, cause csta.EventCause) error {
	var id string
	talk := func(begin func(t *tracker, o, f *leg)) error {
		return a.do(func(t *tracker) error {
			o, f := t.legs[own], t.legs[far]
			if o == nil || f == nil || n.state != csta.Connected {
				return csta.ErrNoActiveCall.With("freeswitch: the call has ended")
			}
			begin(t, o, f)
			return nil
		})
	}
	err := talk(func(_ *tracker, o, f *leg) { o.parks, f.parked, f.marked, id = far, own, n.call.id, n.call.id }) // known before it is so
	if err == nil {
		err = a.send(ctx, "uuid_setvar_multi "+far+" farhook_holder="+own+";farhook_call="+id)
	}
	if err == nil {
		err = a.send(ctx, "uuid_setvar_multi "+own+" "+parking(far))
	}
	if err == nil {
		err = talk(func(t *tracker, _, f *leg) { t.willHold(n, f, cause) })
	}
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+far+" 'm:^:playback:"+a.conf.Music+"^park:' inline")
	}
	if err != nil {
		a.unmark(own, far)
		return err
	}
	// Where it doesn't come in time it may come yet: the marks stay.
	return a.await(ctx, a.time.step, "CHANNEL_UNBRIDGE of "+own+" and "+far, func() bool { return n.state == csta.Hold })
}

// unmark has legs end with their talk, which are parked for nobody any more, or were not parked after all. A leg for which somebody else is parked
// stays as it is.
func (a *Adapter) unmark(legs ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ready {
		a.track.loose = append(a.track.loose, legs...)
		a.wishes()
	}
}

// unpark bridges the own leg with who is parked for it. Only when nobody is left parked do both end together again.
func (a *Adapter) unpark(ctx context.Context, own, far, id string, back func() bool) error {
	// Marked first: if we are gone in the next moment, the leg is found in the call that it goes back to.
	if err := a.do(func(t *tracker) error {
		if l := t.legs[own]; l != nil {
			l.marked = id
		}
		return nil
	}); err != nil {
		return err
	}
	if err := a.send(ctx, "uuid_setvar "+own+" farhook_call "+id); err != nil {
		return err
	}
	if err := a.send(ctx, "uuid_bridge "+own+" "+far); err != nil {
		return err
	}
	if err := a.await(ctx, a.time.step, "CHANNEL_BRIDGE of "+own+" and "+far, back); err != nil {
		return err
	}
	a.unmark(own, far)
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
		own, far string
		c        *call
	)
	if err := a.do(func(t *tracker) error {
		if held.holder == nil || held.holder.dead {
			return csta.ErrNoHeldCall.With("freeswitch: the call has ended")
		}
		own, far = held.holder.id, held.holder.parks
		c = t.consults(held.holder, to, pbxadapter.Op(ctx))
		return nil
	}); err != nil {
		return none, err
	}
	// Marked first: if we are gone in the next moment, the leg is found in its second call.
	err = a.send(ctx, "uuid_setvar_multi "+own+" "+parking(far)+";farhook_call="+c.id)
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+own+" 'm:^:set:continue_on_fail=true^set:ringback="+a.conf.Ringback+
			"^set:hangup_after_bridge=false^execute_extension:"+target+"^park:' inline")
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

// freed lets legs end with their talk. A mark of who is parked for whom stays until the proof that nobody is.
func (a *Adapter) freed(ctx context.Context, legs ...string) error {
	for _, id := range legs {
		if err := a.send(ctx, "uuid_setvar_multi "+id+" "+talking); err != nil {
			return err
		}
	}
	return nil
}
