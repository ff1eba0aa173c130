package switchboard

import (
	"context"
	"errors"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard/audit"
)

// Audit notes an act in the board's audit record, where one is kept. It never blocks.
func (b *Board) Audit(e audit.Entry) { b.audit.Add(e) }

// overrides finds the device that a number, as somebody has spelt it, calls through its do not disturb.
func (b *Board) overrides(spelling csta.DeviceID) *device {
	n, err := numbering.Parse(string(spelling))
	if err != nil {
		return nil
	}
	return b.index.Load().through(csta.DeviceID(n.String()))
}

// audited notes who controlled whose line, or was refused it: err is what Do answers.
func (b *Board) audited(ctx context.Context, who Principal, r csta.Request, err error) {
	if b.audit == nil {
		return
	}
	e := audit.Entry{Act: audit.Controlled, User: who.User, Via: who.Via, Peer: who.Peer, Service: string(r.Service()), Result: "ok"}
	acts := false
	for _, n := range r.Needs() {
		switch n.Right {
		case csta.Call:
			e.Number = string(n.Device)
			if dev := b.overrides(n.Device); dev != nil {
				e.Act, e.Detail = audit.Overrode, "through the do not disturb of "+string(dev.ID)
			}
		case csta.Control, csta.Pickup:
			acts = true
			if e.Line == "" {
				e.Line = string(n.Device)
			}
		case csta.Observe:
			if e.Line == "" {
				e.Line = string(n.Device)
			}
		}
	}
	var refused *csta.Error
	if errors.As(err, &refused) {
		e.Result = refused.Category + "/" + refused.Value
	}
	if errors.Is(err, csta.ErrPrivilege) || errors.Is(err, csta.ErrPrivilegeCalled) {
		e.Act, acts = audit.Refused, true
	}
	if !acts {
		return
	}
	if e.Act == audit.Refused {
		if owners := b.Whose(csta.DeviceID(e.Line)); owners != "" {
			e.Detail = "the line is that of " + owners
		}
	}
	if t := pbxadapter.Trace(ctx); !t.IsZero() {
		e.Trace = t.String()
	}
	b.audit.Add(e)
}
