package sim

import (
	"context"
	"fmt"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Services is the table of what the simulated PBX carries out.
func (p *PBX) Services() csta.Services {
	s := make(csta.Services)
	csta.Handle(s, p.makeCall)
	csta.Handle(s, p.answerCall)
	csta.Handle(s, p.clearConnection)
	csta.Handle(s, p.clearCall)
	csta.Handle(s, p.holdCall)
	csta.Handle(s, p.retrieveCall)
	csta.Handle(s, p.alternateCall)
	csta.Handle(s, p.consultationCall)
	csta.Handle(s, p.reconnectCall)
	csta.Handle(s, p.transferCall)
	csta.Handle(s, p.conferenceCall)
	csta.Handle(s, p.singleStepTransferCall)
	csta.Handle(s, p.singleStepConferenceCall)
	csta.Handle(s, p.deflectCall)
	csta.Handle(s, p.directedPickupCall)
	csta.Handle(s, p.groupPickupCall)
	csta.Handle(s, p.parkCall)
	csta.Handle(s, p.generateDigits)
	csta.Handle(s, p.getForwarding)
	csta.Handle(s, p.setForwarding)
	csta.Handle(s, p.getDoNotDisturb)
	csta.Handle(s, p.setDoNotDisturb)
	csta.Handle(s, p.getMessageWaitingIndicator)
	csta.Handle(s, p.setMessageWaitingIndicator)
	csta.Handle(s, p.getMicrophoneMute)
	csta.Handle(s, p.setMicrophoneMute)
	csta.Handle(s, p.snapshotDevice)
	csta.Handle(s, p.snapshotCall)
	csta.Handle(s, p.getLogicalDeviceInformation)
	return p.tapped(p.troubled(p.translated(s)))
}

// find gives the leg that a request names.
func (p *PBX) find(c csta.ConnectionID) (*leg, error) {
	call := p.calls[c.Call]
	if call == nil {
		return nil, csta.ErrInvalidCallID.With(fmt.Errorf("sim: there is no call %q", c.Call))
	}
	l := call.leg(c.Device)
	if l == nil {
		return nil, csta.ErrInvalidConnectionID.With(fmt.Errorf("sim: %s is not in the call %s", c.Device, c.Call))
	}
	return l, nil
}

// in gives the leg if it is in one of the states, else the error.
func (p *PBX) in(c csta.ConnectionID, refuse *csta.Error, states ...csta.State) (*leg, error) {
	l, err := p.find(c)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if l.state == s {
			return l, nil
		}
	}
	return nil, refuse.With(fmt.Errorf("sim: %s is %s", l.id(), l.state))
}

// phone checks that a device is one of our phones, and registered.
func (p *PBX) phone(d csta.DeviceID) error {
	if p.ext(d) == 0 {
		return csta.ErrInvalidDeviceID.With(fmt.Errorf("sim: %s is no phone", d))
	}
	if p.out[d] {
		return csta.ErrDeviceOutOfService.With(fmt.Errorf("sim: %s is not registered", d))
	}
	return nil
}

// dialable checks a number that is to be called.
func dialable(d csta.DeviceID, refuse *csta.Error) error {
	n := strings.TrimPrefix(string(d), "tel:")
	if n = strings.TrimPrefix(n, "+"); n == "" || strings.Trim(n, "0123456789*#") != "" {
		return refuse.With(fmt.Errorf("sim: %q cannot be dialled", d))
	}
	return nil
}

// free checks that a phone can make a call: no other call of its than held ones.
func (p *PBX) free(d csta.DeviceID, but *leg, refuse *csta.Error) error {
	for _, c := range p.at[d] {
		if l := c.leg(d); l != but && l.state != csta.Hold {
			return refuse.With(fmt.Errorf("sim: %s is %s", l.id(), l.state))
		}
	}
	return nil
}

func (p *PBX) makeCall(ctx context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
	return serve(p, ctx, func() (csta.MakeCallResponse, error) {
		var none csta.MakeCallResponse
		if err := p.phone(r.CallingDevice); err != nil {
			return none, err
		}
		if err := dialable(r.CalledDirectoryNumber, csta.ErrInvalidCalledDeviceID); err != nil {
			return none, err
		}
		if p.outside(r.CalledDirectoryNumber) && p.trunksBusy() {
			return none, csta.ErrNetworkBusy.With("sim: every trunk is in use")
		}
		if err := p.free(r.CallingDevice, nil, csta.ErrInvalidCallingState); err != nil {
			return none, err
		}
		l, err := p.originate(r.CallingDevice, r.CalledDirectoryNumber, r.AutoOriginate != csta.AutoOriginateDoNotPrompt, csta.CauseMakeCall, csta.CauseNewCall)
		if err != nil {
			return none, err
		}
		return csta.MakeCallResponse{CallingDevice: l.id()}, nil
	})
}

func (p *PBX) answerCall(ctx context.Context, r csta.AnswerCall) (csta.AnswerCallResponse, error) {
	return serve(p, ctx, func() (csta.AnswerCallResponse, error) {
		l, err := p.in(r.CallToBeAnswered, csta.ErrNoCallToAnswer, csta.Alerting, csta.Initiated)
		if err != nil {
			return csta.AnswerCallResponse{}, err
		}
		if err := p.phone(l.device); err != nil {
			return csta.AnswerCallResponse{}, err
		}
		return csta.AnswerCallResponse{}, p.lift(l)
	})
}

// lift takes a phone off hook for a call that rings it, or that it is prompted to make.
func (p *PBX) lift(l *leg) error {
	if l.state == csta.Alerting {
		p.answer(l)
		return nil
	}
	dial := p.prompts[l]
	if dial == nil {
		return csta.ErrNoCallToAnswer.With("sim: nothing rings")
	}
	dial()
	return nil
}

func (p *PBX) clearConnection(ctx context.Context, r csta.ClearConnection) (csta.ClearConnectionResponse, error) {
	return serve(p, ctx, func() (csta.ClearConnectionResponse, error) {
		l, err := p.find(r.ConnectionToBeCleared)
		if err == nil {
			p.clear(l, csta.CauseNormalClearing)
		}
		return csta.ClearConnectionResponse{}, err
	})
}

func (p *PBX) clearCall(ctx context.Context, r csta.ClearCall) (csta.ClearCallResponse, error) {
	return serve(p, ctx, func() (csta.ClearCallResponse, error) {
		if r.CallToBeCleared == nil {
			return csta.ClearCallResponse{}, csta.ErrParameterMissing.With("callToBeCleared is missing")
		}
		l, err := p.find(*r.CallToBeCleared)
		if err != nil {
			return csta.ClearCallResponse{}, err
		}
		who := l.party
		for c := l.call; len(c.legs) > 0; {
			p.move(c.legs[0], csta.Null, csta.CauseNormalClearing, by(who))
		}
		return csta.ClearCallResponse{}, nil
	})
}

func (p *PBX) holdCall(ctx context.Context, r csta.HoldCall) (csta.HoldCallResponse, error) {
	return serve(p, ctx, func() (csta.HoldCallResponse, error) {
		l, err := p.in(r.CallToBeHeld, csta.ErrNoActiveCall, csta.Connected)
		if err == nil {
			p.move(l, csta.Hold, csta.CauseNormal)
		}
		return csta.HoldCallResponse{}, err
	})
}

func (p *PBX) retrieveCall(ctx context.Context, r csta.RetrieveCall) (csta.RetrieveCallResponse, error) {
	return serve(p, ctx, func() (csta.RetrieveCallResponse, error) {
		l, err := p.in(r.CallToBeRetrieved, csta.ErrNoHeldCall, csta.Hold)
		if err != nil {
			return csta.RetrieveCallResponse{}, err
		}
		if err := p.free(l.device, l, csta.ErrConnectedCallExists); err != nil {
			return csta.RetrieveCallResponse{}, err
		}
		p.move(l, csta.Connected, csta.CauseNormal)
		return csta.RetrieveCallResponse{}, nil
	})
}

// pair finds the held (or alerting) and the active call of one device.
func (p *PBX) pair(held, active csta.ConnectionID, heldIn ...csta.State) (*leg, *leg, error) {
	h, err := p.in(held, csta.ErrNoHeldCall, heldIn...)
	if err != nil {
		return nil, nil, err
	}
	a, err := p.find(active)
	if err != nil {
		return nil, nil, err
	}
	if h.device != a.device || h.call == a.call {
		return nil, nil, csta.ErrInvalidConnectionID.With("sim: heldCall and activeCall must be two calls of one device")
	}
	return h, a, nil
}

func (p *PBX) alternateCall(ctx context.Context, r csta.AlternateCall) (csta.AlternateCallResponse, error) {
	return serve(p, ctx, func() (csta.AlternateCallResponse, error) {
		var none csta.AlternateCallResponse
		held, active, err := p.pair(r.HeldCall, r.ActiveCall, csta.Hold, csta.Alerting)
		if err != nil {
			return none, err
		}
		if active.state != csta.Connected {
			return none, csta.ErrNoActiveCall.With(fmt.Errorf("sim: %s is %s", active.id(), active.state))
		}
		p.move(active, csta.Hold, csta.CauseAlternate)
		p.move(held, csta.Connected, csta.CauseAlternate)
		return none, nil
	})
}

func (p *PBX) reconnectCall(ctx context.Context, r csta.ReconnectCall) (csta.ReconnectCallResponse, error) {
	return serve(p, ctx, func() (csta.ReconnectCallResponse, error) {
		var none csta.ReconnectCallResponse
		held, active, err := p.pair(r.HeldCall, r.ActiveCall, csta.Hold)
		if err != nil {
			return none, err
		}
		if active.state == csta.Hold {
			return none, csta.ErrNoActiveCall.With(fmt.Errorf("sim: %s is held too", active.id()))
		}
		p.clear(active, csta.CauseNormalClearing)
		p.move(held, csta.Connected, csta.CauseNormal)
		return none, nil
	})
}

func (p *PBX) consultationCall(ctx context.Context, r csta.ConsultationCall) (csta.ConsultationCallResponse, error) {
	return serve(p, ctx, func() (csta.ConsultationCallResponse, error) {
		var none csta.ConsultationCallResponse
		l, err := p.in(r.ExistingCall, csta.ErrNoActiveCall, csta.Connected)
		if err != nil {
			return none, err
		}
		if err := dialable(r.ConsultedDevice, csta.ErrInvalidCalledDeviceID); err != nil {
			return none, err
		}
		if err := p.free(l.device, l, csta.ErrInvalidDeviceState); err != nil {
			return none, err
		}
		if p.outside(r.ConsultedDevice) && p.trunksBusy() {
			return none, csta.ErrNetworkBusy.With("sim: every trunk is in use")
		}
		p.move(l, csta.Hold, csta.CauseConsultation)
		n, err := p.originate(l.device, r.ConsultedDevice, false, csta.CauseConsultation, csta.CauseConsultation)
		if err != nil {
			return none, err
		}
		return csta.ConsultationCallResponse{InitiatedCall: n.id()}, nil
	})
}

func (p *PBX) deflectCall(ctx context.Context, r csta.DeflectCall) (csta.DeflectCallResponse, error) {
	return serve(p, ctx, func() (csta.DeflectCallResponse, error) {
		l, err := p.in(r.CallToBeDiverted, csta.ErrInvalidConnectionState, csta.Alerting, csta.Queued)
		if err != nil {
			return csta.DeflectCallResponse{}, err
		}
		return csta.DeflectCallResponse{}, p.deflect(l, r.NewDestination)
	})
}

func (p *PBX) deflect(l *leg, to csta.DeviceID) error {
	if err := dialable(to, csta.ErrInvalidDestination); err != nil {
		return err
	}
	c := l.call
	if c.leg(to) != nil {
		return csta.ErrInvalidDestination.With(fmt.Errorf("sim: %s is in the call already", to))
	}
	p.divert(l, to, csta.CauseRedirected)
	p.route(c, to, csta.CauseRedirected, 0)
	return nil
}

func (p *PBX) generateDigits(ctx context.Context, r csta.GenerateDigits) (csta.GenerateDigitsResponse, error) {
	return serve(p, ctx, func() (csta.GenerateDigitsResponse, error) {
		l, err := p.in(r.ConnectionToSendDigits, csta.ErrNoActiveCall, csta.Connected)
		if err == nil {
			err = p.press(l, r.CharactersToSend)
		}
		return csta.GenerateDigitsResponse{}, err
	})
}

// maxDigits may be sent at once; of those that came as many are kept.
const maxDigits = 64

// press sends digits to the others in a call, as far as they have answered.
func (p *PBX) press(l *leg, digits string) error {
	if digits == "" || len(digits) > maxDigits || strings.Trim(digits, "0123456789*#ABCDabcd,") != "" {
		return csta.ErrInvalidParameterValue.With("charactersToSend: want 1 to 64 of 0-9, *, #, A-D and comma")
	}
	for _, o := range l.call.others(l.device) {
		if o.state == csta.Connected {
			o.digits += strings.ReplaceAll(digits, ",", "")
			o.digits = o.digits[max(len(o.digits)-maxDigits, 0):]
		}
	}
	return nil
}

// party says how a leg is listed in a rearrangement.
func listed(l *leg, to *call) callmodel.Move {
	return callmodel.Move{Old: l.id(), New: csta.ConnectionID{Call: to.id, Device: l.device}, State: l.state, Party: l.party}
}
