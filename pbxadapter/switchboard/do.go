package switchboard

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard/wiretap"
)

// Begin gives a mark for a request that is about to be made: put it into the context with pbxadapter.WithOp before Do, and the
// entries it causes carry it. Do makes its own where there is none.
func (b *Board) Begin() callmodel.OpID { return b.ops.begin() }

// Do carries a request out for who: completes it (spellings to devices, callID to the principal's own connection), checks every
// right it needs, finds the PBX, and calls the adapter under that service's deadline. Errors are *csta.Error, all of them. Log, wiretap and
// the entries that it causes bear the context's trace id; where that has none, Do makes one.
func (b *Board) Do(ctx context.Context, who Principal, r csta.Request) (csta.Response, error) {
	began := time.Now()
	if pbxadapter.Trace(ctx).IsZero() {
		ctx = pbxadapter.WithTrace(ctx, pbxadapter.NewTrace())
	}
	n := b.programs.Add(1)
	b.tapProgram(ctx, wiretap.In, n, who, r)
	t, res, err := b.do(ctx, who, r)
	link := t.link
	var refused *csta.Error
	level, msg, result := zap.DebugLevel, "service answered", "ok"
	switch {
	case err == nil:
	case errors.As(err, &refused):
		level, msg, result = zap.InfoLevel, "service refused", refused.Category+"/"+refused.Value
	default:
		level, msg, result = zap.ErrorLevel, "service failed", "fault"
		refused = csta.ErrUnspecified.With(err)
	}
	if t.help {
		if refused != nil {
			refused = dialOnPhone(refused, t.emergency)
			err = refused
		}
		b.emergencyCalled(ctx, who, r, t.emergency, refused)
	}
	b.Count(r.Service(), began, err)
	if line := b.log.Check(level, msg); line != nil {
		pbx := ""
		if link != nil {
			pbx = link.name
		}
		line.Write(zap.String("service", string(r.Service())), zap.String("user", who.User), zap.String("device", firstDevice(r)), zap.String("pbx", pbx),
			zap.String("result", result), zap.Duration("took", time.Since(began)), pbxadapter.TraceField(ctx),
			zap.Error(err))
	}
	b.audited(ctx, who, r, err)
	if refused != nil {
		b.tapProgram(ctx, wiretap.Out, n, who, refused)
		return nil, refused
	}
	b.tapProgram(ctx, wiretap.Out, n, who, res)
	return res, nil
}

func firstDevice(r csta.Request) string {
	for _, n := range r.Needs() {
		return string(n.Device)
	}
	return ""
}

func (b *Board) do(ctx context.Context, who Principal, r csta.Request) (*target, csta.Response, error) {
	t := &target{board: b, index: b.index.Load(), who: who}
	r, err := b.prepare(who, r, t)
	if err != nil {
		return t, nil, err
	}
	if own[r.Service()] {
		res, err := b.answer(who, r, t)
		return t, res, err
	}
	res, err := b.carryOut(ctx, who, r, t.link.works.Load().services[r.Service()], services[r.Service()].limit)
	return t, res, err
}

// prepare goes through every rule that stands between a request and its handler, in order, and gives the request complete. t.note hears of each
// rule that lets it pass.
func (b *Board) prepare(who Principal, r csta.Request, t *target) (csta.Request, error) {
	service, known := services[r.Service()]
	if !known {
		return nil, csta.ErrServiceNotSupported.With(fmt.Errorf("farhook does not do %s", r.Service()))
	}
	t.emergency, t.help = b.emergencyIn(r, t.index)
	r, err := csta.Rewrite(r, t.device, t.connection)
	if err != nil {
		return nil, err
	}
	if t.help {
		if err := b.mayCallForHelp(who, r, t.emergency); err != nil {
			return nil, err
		}
		t.note("emergency", func() string {
			return fmt.Sprintf("%s is an emergency number: it is dialled as %s", t.emergency.Number, t.emergency.Dial)
		})
	}
	if err := b.permit(who, r, t); err != nil {
		return nil, err
	}
	if own[r.Service()] {
		return r, nil
	}
	if t.link == nil {
		return nil, csta.ErrInvalidDeviceID.With(fmt.Errorf("%s names no device", r.Service()))
	}
	t.note("route", func() string { return "PBX " + t.link.name })
	if !t.link.up.Load() {
		return nil, csta.ErrResourceOutOfService.With(fmt.Errorf("the link to PBX %s is down", t.link.name))
	}
	t.note("link", func() string { return "connected" })
	if t.link.works.Load().services[r.Service()] == nil {
		return nil, csta.ErrServiceNotSupported.With(fmt.Errorf("PBX %s does not do it", t.link.name))
	}
	if t.own == nil {
		return r, nil
	}
	if why := t.own.lacks(r.Service()); why != "" {
		return nil, csta.ErrServiceNotSupported.With(string(why))
	}
	t.note("offered", func() string { return fmt.Sprintf("%s offers %s", t.own.ID, r.Service()) })
	if service.phone {
		t.link.mu.Lock()
		cause, out := t.link.model.OutOfService(t.own.ID)
		t.link.mu.Unlock()
		if out {
			return nil, csta.ErrDeviceOutOfService.With(fmt.Errorf("%s is out of service: %s", t.own.ID, cause))
		}
		t.note("in service", func() string { return string(t.own.ID) })
	}
	return r, nil
}

// asAnswer turns a fault into an answer, and leaves answers as they are.
func asAnswer(err error) *csta.Error {
	var refused *csta.Error
	if errors.As(err, &refused) {
		return refused
	}
	return csta.ErrUnspecified.With(err)
}

// carryOut calls the handler, under the deadline and the mark of the operation.
func (b *Board) carryOut(ctx context.Context, who Principal, r csta.Request, h csta.Handler, limit time.Duration) (res csta.Response, err error) {
	id := pbxadapter.Op(ctx)
	if id == 0 {
		id = b.ops.begin()
		ctx = pbxadapter.WithOp(ctx, id)
	}
	reference, _ := ctx.Value(referenceKey{}).(string)
	b.ops.open(id, op{by: who, reference: reference, trace: pbxadapter.Trace(ctx)})
	defer b.ops.done(id)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("switchboard: the handler of %s panicked: %v\n%s", r.Service(), p, debug.Stack())
		}
	}()
	res, err = h(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, csta.ErrInternalResourceBusy.With(fmt.Errorf("the PBX has not confirmed it within %v", limit))
	}
	return res, err
}

// permit checks every right that a request takes.
func (b *Board) permit(who Principal, r csta.Request, t *target) error {
	for _, n := range r.Needs() {
		d := n.Device
		if d == "" && r.Service() == "SnapshotCall" {
			continue // its own rule, where the call is known
		}
		if d == "" {
			return refusalOf(n.Member).With(fmt.Errorf("%s is empty: want a number", n.Member))
		}
		if t.help && n.Right == csta.Call {
			continue // nobody is kept from calling for help from his own phone
		}
		if n.Right == csta.Call {
			if dev := t.index.through(d); dev != nil { // what counts is whom it rings
				if !b.policy.May(who, csta.Override, dev.ID) {
					return csta.ErrPrivilegeCalled.With(fmt.Errorf("%s: %s has no right to call %s through its do not disturb", n.Member, who.User, dev.ID))
				}
				t.note("right", func() string { return fmt.Sprintf("%s may call %s through its do not disturb", who.User, dev.ID) })
				d = dev.ID
			}
		}
		if !b.policy.May(who, n.Right, d) {
			of := ""
			if owners := b.Whose(d); owners != "" {
				of = ", which is that of " + owners
			}
			return csta.ErrPrivilege.With(fmt.Errorf("%s: %s has no right to %s %q%s", n.Member, who.User, n.Right, d, of))
		}
		t.note("right", func() string { return fmt.Sprintf("%s may %s %s", who.User, n.Right, d) })
		if dev := t.index.byID[d]; dev != nil && n.Right != csta.Call && t.own == nil {
			t.own, t.link = dev, dev.link
		}
	}
	return nil
}

// target is what completing a request finds out.
type target struct {
	board *Board
	index *index
	who   Principal
	link  *link                   // the PBX that is to do it
	own   *device                 // the device that acts
	notes func(rule, says string) // of a dry run; nil: nobody reads them

	help      bool // it calls an emergency number
	emergency numbering.EmergencyNumber
}

// note tells a dry run which rule was met, and what it says.
func (t *target) note(rule string, says func() string) {
	if t.notes != nil {
		t.notes(rule, says())
	}
}

// refusalOf is what is answered when a member is no device, or no number that can be called.
func refusalOf(member string) *csta.Error {
	switch refuse, isDialled := dialled[member]; {
	case isDialled:
		return refuse
	case member == "callingDevice":
		return csta.ErrInvalidCallingDeviceID
	default:
		return csta.ErrInvalidDeviceID
	}
}

// device completes a device: a number to be dialled becomes a device of ours where it names one, else a canonical number.
func (t *target) device(member string, d csta.DeviceID) (csta.DeviceID, error) {
	_, isDialled := dialled[member]
	refuse := refusalOf(member)
	if isDialled && t.help {
		return csta.DeviceID(t.emergency.Dial), nil
	}
	dev, err := t.index.resolve(string(d))
	switch {
	case err != nil:
		return "", refuse.With(fmt.Errorf("%s: %q %w", member, clip(string(d)), err))
	case dev != nil:
		if !isDialled && t.link == nil {
			t.link = dev.link
		}
		t.note("number", func() string {
			return fmt.Sprintf("%s: %q is the device %s of PBX %s", member, clip(string(d)), dev.ID, dev.link.name)
		})
		return dev.ID, nil
	case isDialled:
		n, err := numbering.Parse(string(d))
		if err != nil {
			return "", refuse.With(fmt.Errorf("%s: %w", member, err))
		}
		t.note("number", func() string {
			return fmt.Sprintf("%s: %q is no device of ours; it is dialled as %s", member, clip(string(d)), n)
		})
		return csta.DeviceID(n.String()), nil // with its parameters: the rules of the PBX's numbers may look at them
	}
	if !t.board.Complete() {
		refuse = csta.ErrResourceOutOfService
	}
	return "", refuse.With(fmt.Errorf("%s: no PBX has the device %q", member, clip(string(d))))
}

// connection completes a connection: the call by any of its names, the device by any spelling. A missing device is the principal's own, a
// missing call the only one that the device has.
func (t *target) connection(member string, c csta.ConnectionID) (csta.ConnectionID, error) {
	if c.Call == "" {
		return t.onlyCall(member, c.Device)
	}
	l, call, ok := t.board.call(c.Call)
	if !ok {
		return c, csta.ErrInvalidCallID.With(fmt.Errorf("%s: there is no call %q", member, clip(string(c.Call))))
	}
	t.link = l
	has := func(d csta.DeviceID) bool {
		for _, leg := range call.Legs {
			if leg.Device == d {
				return true
			}
		}
		return false
	}
	out := csta.ConnectionID{Call: call.ID, Device: c.Device}
	if c.Device == "" {
		out.Device = t.mine(member, call)
	} else if !has(c.Device) {
		dev, err := t.index.resolve(string(c.Device))
		if err != nil || dev == nil {
			return c, csta.ErrInvalidConnectionID.With(fmt.Errorf("%s: the call %q has no device %q", member, clip(string(c.Call)), clip(string(c.Device))))
		}
		out.Device = dev.ID
	}
	if !has(out.Device) {
		return c, csta.ErrInvalidConnectionID.With(fmt.Errorf("%s: %q is not in the call %q", member, clip(string(out.Device)), clip(string(c.Call))))
	}
	return out, nil
}

// mine is the connection that is meant where no device is named: the principal's own, or the one that rings, where it is to be picked up.
func (t *target) mine(member string, c callmodel.Call) csta.DeviceID {
	if member == "callToBePickedUp" {
		for _, l := range c.Legs {
			if l.State == csta.Alerting {
				return l.Device
			}
		}
	}
	return t.who.Line
}

// onlyCall completes a connection that names a device alone.
func (t *target) onlyCall(member string, spelling csta.DeviceID) (csta.ConnectionID, error) {
	d := t.who.Line
	if spelling != "" {
		dev, err := t.index.resolve(string(spelling))
		if err != nil || dev == nil {
			return csta.ConnectionID{}, csta.ErrInvalidDeviceID.With(fmt.Errorf("%s: no PBX has the device %q", member, clip(string(spelling))))
		}
		d = dev.ID
	}
	dev := t.index.byID[d]
	if dev == nil {
		return csta.ConnectionID{}, csta.ErrInvalidConnectionID.With(fmt.Errorf("%s names neither call nor device", member))
	}
	dev.link.mu.Lock()
	calls := dev.link.model.At(d)
	dev.link.mu.Unlock()
	if len(calls) != 1 {
		return csta.ConnectionID{}, csta.ErrInvalidConnectionID.With(fmt.Errorf("%s: callID is missing, and %s has %d calls", member, d, len(calls)))
	}
	t.link = dev.link
	return csta.ConnectionID{Call: calls[0].ID, Device: d}, nil
}
