package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// Services is the table of what the adapter carries out.
func (a *Adapter) Services() csta.Services {
	s := make(csta.Services)
	handle(a, s, a.makeCall)
	handle(a, s, a.answerCall)
	handle(a, s, a.clearConnection)
	handle(a, s, a.clearCall)
	handle(a, s, a.holdCall)
	handle(a, s, a.retrieveCall)
	handle(a, s, a.alternateCall)
	handle(a, s, a.consultationCall)
	handle(a, s, a.reconnectCall)
	handle(a, s, a.transferCall)
	handle(a, s, a.conferenceCall)
	handle(a, s, a.singleStepTransferCall)
	handle(a, s, a.singleStepConferenceCall)
	handle(a, s, a.deflectCall)
	handle(a, s, a.directedPickupCall)
	handle(a, s, a.groupPickupCall)
	handle(a, s, a.parkCall)
	handle(a, s, a.generateDigits)
	handle(a, s, a.getForwarding)
	handle(a, s, a.setForwarding)
	handle(a, s, a.getDoNotDisturb)
	handle(a, s, a.setDoNotDisturb)
	handle(a, s, a.getMessageWaitingIndicator)
	handle(a, s, a.setMessageWaitingIndicator)
	handle(a, s, a.snapshotDevice)
	handle(a, s, a.snapshotCall)
	handle(a, s, a.getLogicalDeviceInformation)
	return s
}

// handle has a service carried out while there is a link: without one, what was known of calls decides nothing.
func handle[Q csta.Request, R csta.Response](a *Adapter, s csta.Services, f func(context.Context, Q) (R, error)) {
	csta.Handle(s, func(ctx context.Context, r Q) (R, error) {
		if _, err := a.connection(); err != nil {
			var none R
			return none, err
		}
		return f(ctx, r)
	})
}

// connection is the link, or why there is none.
func (a *Adapter) connection() (*ami.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return nil, csta.ErrResourceOutOfService.With("asterisk: there is no link to it")
	}
	return a.conn, nil
}

// fault is what an error of the link means to who asked.
func (a *Adapter) fault(ctx context.Context, err error) error {
	var (
		no   *ami.Refused
		bad  *ami.FieldError
		done *csta.Error
	)
	switch {
	case err == nil, errors.As(err, &done), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &bad):
		return csta.ErrInvalidParameterValue.With(err)
	case errors.As(err, &no):
		a.log.Debug("Asterisk refuses an action", zap.String("action", no.Action), zap.String("says", clean(no.Message)), pbxadapter.TraceField(ctx))
		for _, r := range refusals {
			if strings.Contains(no.Message, r.says) {
				if r.look {
					a.wantLook()
				}
				if r.means == csta.ErrPrivilege {
					a.log.Warn("Asterisk refuses an action: the account in manager.conf lacks a right", zap.String("action", no.Action), pbxadapter.TraceField(ctx))
				}
				return r.means.With(err).Says(clean(no.Message))
			}
		}
		return csta.ErrInvalidConnectionState.With(err).Says(clean(no.Message))
	case errors.Is(err, ami.ErrNoAnswer):
		a.log.Warn("Asterisk took an action and did not answer in time", zap.Error(err), pbxadapter.TraceField(ctx))
		return csta.ErrInternalResourceBusy.With(err)
	case errors.Is(err, ami.ErrLost):
		return csta.ErrInternalResourceBusy.With(err)
	}
	return csta.ErrResourceOutOfService.With(err)
}

// refusals are what Asterisk says when it refuses, and what that means: the first row that is in its words.
var refusals = []struct {
	says  string
	means *csta.Error
	look  bool // calls are compared: we believed otherwise
}{
	{"Permission denied", csta.ErrPrivilege, false},
	{"Invalid/unknown command", csta.ErrServiceNotSupported, false},
	{"Extension does not exist", csta.ErrInvalidDestination, false},
	{"Transfer invalid", csta.ErrInvalidConnectionState, false},
	{"Unable to retrieve endpoint", csta.ErrInvalidDeviceID, false},
	{"No such channel", csta.ErrInvalidConnectionID, true},
	{"does not exist", csta.ErrInvalidConnectionID, true},
	{"Channel not found", csta.ErrInvalidConnectionID, true},
	{"No such", csta.ErrInvalidConnectionID, true},
}

// clean is what Asterisk said, fit to be shown.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// leg finds the leg that a request names, in one of the states; a.mu is held.
func (a *Adapter) leg(c csta.ConnectionID, refuse *csta.Error, states ...csta.State) (*leg, error) {
	k := a.t.calls[c.Call]
	if k == nil {
		return nil, csta.ErrInvalidCallID.With(fmt.Errorf("asterisk: there is no call %q", c.Call))
	}
	l := k.leg(c.Device)
	if l == nil {
		return nil, csta.ErrInvalidConnectionID.With(fmt.Errorf("asterisk: %s is not in the call %s", c.Device, c.Call))
	}
	if len(states) > 0 && !slices.Contains(states, l.state) {
		return nil, refuse.With(fmt.Errorf("asterisk: %s is %s", l.id(), l.state))
	}
	return l, nil
}

// withChannel is leg, of a party that has a channel; a.mu is held.
func (a *Adapter) withChannel(c csta.ConnectionID, refuse *csta.Error, states ...csta.State) (*leg, *channel, error) {
	l, err := a.leg(c, refuse, states...)
	if err != nil {
		return nil, nil, err
	}
	ch := l.channel()
	if ch == nil || ch.gone {
		return nil, nil, refuse.With(fmt.Errorf("asterisk: %s has no channel now", l.id()))
	}
	return l, ch, nil
}

// obeys says whether a phone does what NOTIFY tells it: by its style, and unless it hasn't done so twice; a.mu is held.
func (a *Adapter) obeys(p *phoneEntry, d csta.DeviceID) bool {
	return p.style.notify() && a.deaf[d] < 2
}

// atPhone is withChannel for what a phone itself is to do.
func (a *Adapter) atPhone(id csta.ConnectionID, refuse *csta.Error, states ...csta.State) (*leg, *channel, *phoneEntry, error) {
	l, c, err := a.withChannel(id, refuse, states...)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := a.phoneOf(l.device)
	return l, c, p, err
}

// phoneOf checks that a device is one of our phones, and registered; a.mu is held.
func (a *Adapter) phoneOf(d csta.DeviceID) (*phoneEntry, error) {
	p := a.t.book.phones[d]
	if p == nil {
		a.log.Info("a request names a phone that Asterisk does not have: look at its PJSIP endpoints, and at phones in the configuration", zap.String("device", string(d)))
		return nil, csta.ErrInvalidDeviceID.With(fmt.Errorf("asterisk: there is no phone %q", d))
	}
	if a.t.out[d] {
		a.log.Info("a request is for a phone that is not registered", zap.String("endpoint", p.endpoint))
		return nil, csta.ErrDeviceOutOfService.With(fmt.Errorf("asterisk: %s is not registered", p.endpoint))
	}
	return p, nil
}

// number is what the PBX is to dial, checked.
func (a *Adapter) number(d csta.DeviceID, refuse *csta.Error) (string, error) {
	n, err := a.t.book.dial(d)
	if err != nil {
		return "", refuse.With(err)
	}
	if err := ami.Number.Check(n); err != nil {
		return "", refuse.With(fmt.Errorf("asterisk: %q %w", d, err))
	}
	return n, nil
}

// dialplan is the context of a device's class of service: whatever is dialled for it is dialled in there.
func (a *Adapter) dialplan(d csta.DeviceID) (string, error) {
	p := a.t.book.phones[d]
	if p == nil || p.context == "" {
		return "", csta.ErrInvalidDeviceState.With(fmt.Errorf("asterisk: the dialplan context of %s is not known: give the account PJSIPShowEndpoint, or set context", d))
	}
	return p.context, nil
}

// clearConnection hangs a party up. A phone that rings is made to decline.
func (a *Adapter) clearConnection(ctx context.Context, r csta.ClearConnection) (csta.ClearConnectionResponse, error) {
	var none csta.ClearConnectionResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, err := a.leg(r.ConnectionToBeCleared, nil)
	if err == nil && (l.role != party || len(l.channels) == 0) {
		err = csta.ErrNoConnectionToClear.With(fmt.Errorf("asterisk: %s is nobody's: clear the caller's connection", l.id()))
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	cause := "16"
	if l.state == csta.Alerting {
		cause = "21"
	}
	names, ids := a.release(ctx, l)
	gone := a.expect(func() bool { return !a.t.by(r.ConnectionToBeCleared, ids...) })
	defer a.drop(gone)
	a.mu.Unlock()
	return none, a.hangUp(ctx, conn, names, cause, gone)
}

// release notes that a request has a party leave, and gives the names and ids of its channels; a.mu is held.
func (a *Adapter) release(ctx context.Context, l *leg) (names, ids []string) {
	l.call.op = pbxadapter.Op(ctx)
	for _, c := range l.channels {
		c.leaving = true
		names, ids = append(names, c.name), append(ids, c.id)
	}
	return names, ids
}

// hangUp has channels hung up, and waits until it shows.
func (a *Adapter) hangUp(ctx context.Context, conn *ami.Conn, names []string, cause string, gone *waiter) error {
	var failed error
	for _, name := range names {
		_, err := conn.Do(ctx, ami.NewAction("Hangup").With("Channel", ami.Channel, name).Fixed("Cause", cause))
		if err != nil {
			failed = err
		}
	}
	if failed != nil && !isRefused(failed) {
		return a.fault(ctx, failed)
	}
	if !a.await(ctx, gone, proofWithin) {
		if failed != nil {
			return a.fault(ctx, failed)
		}
		a.wantLook()
		return a.unproven(ctx, "the hangup")
	}
	return nil
}

// unproven is the answer where Asterisk took a request and nothing came of it.
func (a *Adapter) unproven(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return csta.ErrInternalResourceBusy.With(fmt.Errorf("asterisk: %s was taken, and nothing shows that it was done", what))
}

// clearCall hangs everybody up.
func (a *Adapter) clearCall(ctx context.Context, r csta.ClearCall) (csta.ClearCallResponse, error) {
	var none csta.ClearCallResponse
	if r.CallToBeCleared == nil {
		return none, csta.ErrParameterMissing.With("callToBeCleared is missing")
	}
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, err := a.leg(*r.CallToBeCleared, nil)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k := l.call
	var names []string
	for _, o := range k.legs {
		of, _ := a.release(ctx, o)
		names = append(names, of...)
	}
	gone := a.expect(func() bool { return a.t.calls[k.id] == nil })
	defer a.drop(gone)
	a.mu.Unlock()
	return none, a.hangUp(ctx, conn, names, "16", gone)
}

// lists of a response, as the event has them.
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
