package freeswitch

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Repaired counts the connections that an audit or a stray event had to put right.
func (a *Adapter) Repaired() uint64 { return a.repaired.Load() }

// Audit compares the calls of a device, or all of them, with those that the PBX has, and puts right what differs, as is done every minute
// anyhow. For one device, the PBX is asked for its legs only.
func (a *Adapter) Audit(ctx context.Context, d csta.DeviceID) (repaired int, err error) {
	c, err := a.link()
	if err == nil {
		repaired, err = a.audit(ctx, c, d)
	}
	if err == nil {
		a.meter.Audited(repaired)
	}
	return repaired, a.fault(err)
}

// audit asks for the legs that seem to differ: what "show channels" says is only a reason to ask, for it lags behind the events. What differs
// is put right when the events that were on the way have been heard.
func (a *Adapter) audit(ctx context.Context, c *conn, d csta.DeviceID) (repaired int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	like := ""
	if d != "" {
		if like, err = a.owner(d); err != nil {
			return 0, err
		}
	}
	var rows []tableRow
	if d == "" || like != "" {
		if rows, err = a.channels(ctx, c, like); err != nil {
			return 0, err
		}
	}
	a.mu.Lock()
	t := a.track
	ids := t.doubtful(rows, d)
	a.mu.Unlock()
	if len(ids) == 0 {
		return 0, nil
	}
	found := a.dumps(ctx, c, ids)
	a.mu.Lock()
	more := t.related(found)
	a.mu.Unlock()
	found = append(found, a.dumps(ctx, c, more)...)
	gone, err := a.absent(ctx, c, ids, found)
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(a.time.lag):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.track != t || !a.ready {
		return 0, csta.ErrResourceOutOfService.With(errClosed)
	}
	t.until(time.Now())
	for _, id := range gone {
		if l := t.legs[id]; l != nil {
			repaired++
			a.log.Warn("a leg had ended unheard", zap.String("leg", id), pbxadapter.TraceField(ctx))
			l.killed = true // there is nothing to wait for
			t.hangup(l, "NORMAL_CLEARING", new(event))
		}
	}
	for _, id := range t.correct(found) {
		repaired++
		a.log.Warn("what a leg did was not heard", zap.String("leg", id), pbxadapter.TraceField(ctx))
	}
	a.repaired.Add(uint64(repaired))
	a.check()
	a.wishes()
	return repaired, nil
}

// owner is the user of a device; empty for one that is no phone, such as a park slot.
func (a *Adapter) owner(d csta.DeviceID) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.conf.Park.Slots {
		if d == csta.DeviceID(s) {
			return "", nil
		}
	}
	p, err := a.line(d)
	if err != nil {
		return "", err
	}
	return p.user, nil
}

// absent are the legs that could not be dumped and that the PBX says do not exist.
func (a *Adapter) absent(ctx context.Context, c *conn, ids []string, found []*event) (gone []string, err error) {
	there := make(map[string]bool, len(found))
	for _, e := range found {
		there[e.get(uniqueID)] = true
	}
	for _, id := range ids {
		if there[id] {
			continue
		}
		answer, err := c.bgapi(ctx, "uuid_exists "+id)
		if said := (refusal{}); err != nil && !errors.As(err, &said) {
			return nil, err
		}
		if answer == "false" {
			gone = append(gone, id)
		}
	}
	return gone, nil
}

// doubtful are the legs of a device's calls, or of all calls where d is empty, that are to be asked for: those that are not in the PBX's table, or differ there,
// or are not known to us. Of one device it is every leg.
func (t *tracker) doubtful(rows []tableRow, d csta.DeviceID) (ids []string) {
	there := make(map[string]string, len(rows))
	for _, r := range rows {
		there[r.ID] = r.State
		if _, gone := t.gone[r.ID]; t.legs[r.ID] == nil && t.wires[r.ID] == nil && !gone {
			ids = append(ids, r.ID)
		}
	}
	for id := range t.wires {
		if _, ok := there[id]; !ok && d == "" {
			delete(t.wires, id) // if it's there still, its next event brings it back
		}
	}
	for id, l := range t.legs {
		state, ok := there[id]
		switch {
		case !isID(id), l.ending.waits():
		case d != "":
			if l.device == d || l.call != nil && l.call.conn(d) != nil {
				ids = append(ids, id)
			}
		case !ok || l.differs(state):
			ids = append(ids, id)
		}
	}
	return ids
}

// related are the legs with which legs that are not known talk, or that dialled them, and that are not known either.
func (t *tracker) related(dumps []*event) (ids []string) {
	for _, e := range dumps {
		if t.legs[e.get(uniqueID)] != nil {
			continue
		}
		for _, k := range [...]key{signalBond, originatingLeg, markHolder, markParks} {
			id := e.get(k)
			asked := slices.Contains(ids, id) || slices.ContainsFunc(dumps, func(o *event) bool { return o.get(uniqueID) == id })
			if isID(id) && t.legs[id] == nil && !asked {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// differs says whether the state that the PBX's table has of a leg is not what was heard of it.
func (l *leg) differs(state string) bool {
	switch held := l.conn != nil && l.conn.state == csta.Hold && l.conn.holder == nil; state {
	case "HELD":
		return !held && (!l.holds || !l.talksBeside())
	case "ACTIVE":
		return held || !l.answered || l.peer == nil && l.room == nil
	case "RINGING", "EARLY":
		return !l.inbound && l.conn != nil && l.conn.state == csta.Null
	}
	return false
}

// correct brings legs into the state that their dumps show, if nothing newer has been heard of them, and gives those for which that made a difference.
func (t *tracker) correct(dumps []*event) (put []string) {
	before := make(map[string]connectionState)
	var fresh, known []*event
	for _, e := range dumps {
		switch l := t.legs[e.get(uniqueID)]; {
		case l == nil:
			if _, gone := t.gone[e.get(uniqueID)]; !gone {
				fresh = append(fresh, e)
			}
		case l.seq <= e.seq && l.plan == nil:
			known = append(known, e)
			before[l.id] = l.state()
		}
	}
	t.adopt(fresh)
	for _, e := range fresh {
		if t.legs[e.get(uniqueID)] != nil {
			put = append(put, e.get(uniqueID))
		}
	}
	for _, e := range known {
		if l := t.legs[e.get(uniqueID)]; l != nil {
			t.awake(l, e)
		}
	}
	t.bonds(known)
	for _, e := range known {
		l := t.legs[e.get(uniqueID)]
		if l == nil {
			continue
		}
		switch n := l.conn; {
		case e.get(callState) == "HELD":
			t.held(l)
		case e.get(callState) == "ACTIVE" && n != nil && n.state == csta.Hold && n.holder == nil && len(n.legs) == 1:
			t.move(n, csta.Connected, csta.CauseNormal)
		}
		if l.alone() {
			t.parkedFor(l)
			t.waiting(l, e)
		}
		if l.state() != before[l.id] {
			put = append(put, l.id)
		}
	}
	return put
}

// bonds bridges the legs that say of each other that they talk.
func (t *tracker) bonds(dumps []*event) {
	bond := make(map[string]string, len(dumps))
	for _, e := range dumps {
		if e.get(markHolder) == "" && e.get(answerState) == "answered" {
			bond[e.get(uniqueID)] = e.get(signalBond)
		}
	}
	for id, other := range bond {
		l, o := t.legs[id], t.legs[other]
		if l != nil && o != nil && bond[other] == id && l.peer != o && l.room == nil && o.room == nil {
			t.bridge(l, o)
		}
	}
}

// connectionState is what a correction may change of a leg.
type connectionState struct {
	in    *connection
	state csta.State
	peer  *leg
	room  *room
}

func (l *leg) state() connectionState {
	s := connectionState{in: l.conn, peer: l.peer, room: l.room}
	if l.conn != nil {
		s.state = l.conn.state
	}
	return s
}

// ask finds out about a leg that events speak of and nobody knows. It is called with the lock.
func (a *Adapter) ask(id string) {
	c, ctx, t := a.conn, a.run, a.track
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		found := a.dumps(ctx, c, []string{id})
		a.mu.Lock()
		more := t.related(found)
		a.mu.Unlock()
		found = append(found, a.dumps(ctx, c, more)...)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.track != t || !a.ready {
			return
		}
		if len(found) == 0 {
			t.gone[id] = t.now
			return
		}
		if t.legs[id] == nil {
			a.repaired.Add(1)
			a.log.Info("a leg that was not known is taken over", zap.String("leg", id), zap.Uint64("repaired in all", a.repaired.Load()))
			t.adopt(found)
			a.check()
		}
	})
}

// confirm asks whether the one without whom a parked leg is alone has gone, and clears it only then. It is called with the lock.
func (a *Adapter) confirm(s suspect) {
	if !isID(s.leg) || !isID(s.without) {
		return
	}
	c, ctx, t := a.conn, a.run, a.track
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		answer, err := c.bgapi(ctx, "uuid_exists "+s.without)
		found := a.dumps(ctx, c, []string{s.leg})
		a.mu.Lock()
		defer a.mu.Unlock()
		l := t.legs[s.leg]
		if err != nil || a.track != t || !a.ready || l == nil || len(found) == 0 || t.holding(l) {
			return
		}
		switch {
		case answer != "false":
			if t.legs[s.without] == nil {
				t.unknown(s.without)
			}
		case !l.alone():
			t.loose = append(t.loose, l.id)
		case l.parked == s.without || waitsInPark(found[0]): // music is played to who is held
			t.orphan = append(t.orphan, l.id)
		}
		a.wishes()
	})
}
