package uacsta

import (
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
)

// follow writes what the journal has for this session's monitors.
func (x *session) follow() {
	for x.cursor != nil && x.cursor.Waiting() && x.reachable() && x.room() {
		e, ok, err := x.cursor.Next()
		switch {
		case errors.Is(err, switchboard.ErrLagged):
			x.catchUp()
		case err != nil || !ok:
			return
		case x.waits(e):
			x.held = append(x.held, e)
		default:
			x.inform(e)
		}
	}
}

// room says whether more events may be written. Where the socket hasn't taken the ones before they wait in the journal, which loses none, and follow is
// called again when it has: what is written and never taken is known to us for so many events only.
func (x *session) room() bool {
	if !x.conn.crowded() && x.sent.untaken() < maxSent/2 {
		return true
	}
	return x.conn.wrote(x.conn.mark(), x)
}

// waits says whether an entry must come after an answer that is still to be written: one that an open request caused, one of a call that
// such a request names, and what comes after either in the same call.
func (x *session) waits(e switchboard.Entry) bool {
	for _, o := range x.open {
		if o.op != 0 && e.Op == o.op || intersect(o.calls, e.Calls) {
			return true
		}
	}
	return slices.ContainsFunc(x.held, func(h switchboard.Entry) bool { return intersect(h.Calls, e.Calls) })
}

func intersect(a, b []csta.CallID) bool {
	return slices.ContainsFunc(a, func(id csta.CallID) bool { return slices.Contains(b, id) })
}

// release writes the entries that waited for an answer that has been written now.
func (x *session) release() {
	held := x.held
	x.held = nil
	for _, e := range held {
		if x.waits(e) {
			x.held = append(x.held, e)
		} else {
			x.inform(e)
		}
	}
}

// inform writes one entry to every monitor that is to hear it.
func (x *session) inform(e switchboard.Entry) {
	if !x.linkChanged(e) {
		return
	}
	for _, m := range x.monitors {
		if e.Seq <= m.from {
			continue
		}
		if m.device == "" {
			x.informCall(m, e)
			continue
		}
		for _, s := range e.Audience {
			if s.Device == m.device {
				m.view.Take(e.Told, m.device)
				x.event(m, e.Told, e.Trace, e.Template, s.Local)
			}
		}
	}
	x.follows(e)
}

// informCall is inform for a call monitor, which goes with its call into the result of a rearrangement.
func (x *session) informCall(m *monitor, e switchboard.Entry) {
	if !slices.Contains(e.Calls, m.call) {
		return
	}
	x.event(m, e.Told, e.Trace, e.Template, "")
	m.call = e.Calls[len(e.Calls)-1]
}

// event writes one event, unless the monitor's filter suppresses it.
func (x *session) event(m *monitor, t callmodel.Told, trace pbxadapter.TraceID, template func(csta.Edition) *csta.Template, local csta.State) {
	if suppressed(m.filter, t.Event) {
		return
	}
	x.overtaken(m.id, t.Calls)
	x.send(m.id, t.Calls, trace, template(m.edition).Append(make([]byte, 0, usualEvent), m.id, local, x.speller(t.Calls)))
}

// catchUp tells every device monitor what it has missed, as events. A monitor whose PBX has told nothing yet waits until it has.
func (x *session) catchUp() {
	var devices []csta.DeviceID
	all := true
	for _, m := range x.monitors {
		switch {
		case m.device == "":
		case x.server.board.Synced(m.device):
			devices = append(devices, m.device)
		default:
			all = false
		}
	}
	s, seq := x.server.board.Snapshot(x.who, switchboard.Filter{Devices: devices})
	x.held = nil
	x.cursor.Skip(seq)
	if all {
		x.forgets()
	}
	told := 0
	for _, m := range x.monitors {
		if !slices.Contains(devices, m.device) {
			continue
		}
		for _, t := range m.view.CatchUp(m.device, s, time.Now()) {
			if !x.linkChanged(switchboard.Entry{Told: t}) {
				return
			}
			for _, seat := range t.Audience {
				if seat.Device == m.device {
					told++
					x.event(m, t, pbxadapter.TraceID{}, func(ed csta.Edition) *csta.Template { return csta.Prepare(t.Event, ed) }, seat.Local)
				}
			}
		}
	}
	x.server.log.Info("session is told what it missed", zap.String("session", x.callID), zap.String("device", string(x.who.Line)), zap.Int("events", told))
}
