package switchboard

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard/audit"
)

// Owning is a Policy that says itself which devices are somebody's own, where the directory and the line that a session signed in to don't.
type Owning interface {
	Owns(who Principal, d csta.DeviceID) bool
}

// Emergency says whether a request calls an emergency number: such a one is exempt from every limit but the right to the phone itself.
func (b *Board) Emergency(r csta.Request) bool {
	_, is := b.emergencyIn(r, b.index.Load())
	return is
}

// emergencyIn finds the emergency number that a request, as it came, is to call or to forward to. A number that is one only by its form (0112, +49112)
// isn't where it is a device's own.
func (b *Board) emergencyIn(r csta.Request, ix *index) (numbering.EmergencyNumber, bool) {
	if b.emergency == nil || !calls[r.Service()] {
		return numbering.EmergencyNumber{}, false
	}
	for _, n := range r.Needs() {
		if n.Right != csta.Call || n.Device == "" {
			continue
		}
		m, is := b.emergency.Find(string(n.Device))
		if !is {
			continue
		}
		if m.Form != numbering.Bare {
			if dev, err := ix.resolve(string(n.Device)); err == nil && dev != nil {
				continue
			}
		}
		return m, true
	}
	return numbering.EmergencyNumber{}, false
}

// calls are the services with a number that may be an emergency one.
var calls = map[csta.Service]bool{
	"MakeCall": true, "ConsultationCall": true, "DeflectCall": true, "SingleStepTransferCall": true, "SingleStepConferenceCall": true, "ParkCall": true, "SetForwarding": true,
}

// ownDevice says whether a device is the principal's own: where somebody who calls for help is found.
func (b *Board) ownDevice(who Principal, d csta.DeviceID) bool {
	if o, ok := b.policy.Policy.(Owning); ok && o.Owns(who, d) {
		return true
	}
	if b.people != nil && len(b.people.now.Load().owners[d]) > 0 {
		return b.people.Owns(who.User, d)
	}
	return who.Line != "" && who.Line == d
}

// mayCallForHelp checks the rules of emergency calls: from the caller's own device, at once, and not by a setting that outlives the need.
func (b *Board) mayCallForHelp(who Principal, r csta.Request, m numbering.EmergencyNumber) error {
	switch r.Service() {
	case "SetForwarding":
		return csta.ErrInvalidForwardingDest.With(fmt.Errorf("calls are not forwarded to the emergency number %s", m.Number))
	case "ParkCall":
		return csta.ErrInvalidDestination.With(fmt.Errorf("calls are not parked at the emergency number %s", m.Number))
	}
	for _, n := range r.Needs() {
		if n.Right == csta.Control && !b.ownDevice(who, n.Device) {
			return csta.ErrPrivilege.With(fmt.Errorf("%s: emergency calls go out from the caller's own device only, and %s is not that of %s", n.Member, n.Device, who.User))
		}
	}
	return nil
}

// dialOnPhone tells somebody whose emergency call was refused what to do.
func dialOnPhone(e *csta.Error, m numbering.EmergencyNumber) *csta.Error {
	if e.Err == nil {
		return e.With(fmt.Errorf("dial %s on the phone", m.Number))
	}
	return e.With(fmt.Errorf("%w: dial %s on the phone", e.Err, m.Number))
}

// emergencyCalled notes an emergency call, and one that was refused. refused is nil for one that the PBX has taken.
func (b *Board) emergencyCalled(ctx context.Context, who Principal, r csta.Request, m numbering.EmergencyNumber, refused *csta.Error) {
	e := audit.Entry{Act: audit.Emergency, User: who.User, Via: who.Via, Peer: who.Peer, Line: firstDevice(r), Service: string(r.Service()), Number: m.Number, Result: "ok"}
	if refused != nil {
		e.Result, e.Detail = refused.Category+"/"+refused.Value, refused.Error()
	}
	if t := pbxadapter.Trace(ctx); !t.IsZero() {
		e.Trace = t.String()
	}
	b.Audit(e)
	b.log.Warn("emergency call", zap.String("user", who.User), zap.String("device", e.Line), zap.String("service", e.Service), zap.String("emergency", m.Number),
		zap.String("result", e.Result), pbxadapter.TraceField(ctx), zap.String("detail", e.Detail))
}
