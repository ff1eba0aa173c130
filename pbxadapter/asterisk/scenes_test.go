package asterisk

import "farhook/csta"

// scene is what a client asks for during a recording.
type scene struct {
	asks   []ask
	deaf   bool   // the phones do not obey NOTIFY
	header string // … and are made to answer by this one
}

func making(from, to csta.DeviceID) ask {
	return ask{request: func(*player) csta.Request {
		return csta.MakeCall{CallingDevice: from, CalledDirectoryNumber: to, AutoOriginate: csta.AutoOriginateDoNotPrompt}
	}, actions: 1}
}

func consult(who, to csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request {
		return csta.ConsultationCall{ExistingCall: p.at(who, csta.Connected), ConsultedDevice: to}
	}, actions: 2}
}

// pairOf is the held and the active call of a device.
func pairOf(p *player, d csta.DeviceID) (held, active csta.ConnectionID) {
	return p.at(d, csta.Hold), p.at(d, csta.Connected)
}

func alternate(d csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request {
		held, active := pairOf(p, d)
		return csta.AlternateCall{HeldCall: held, ActiveCall: active}
	}, actions: 2}
}

func transfer(d csta.DeviceID, actions int) ask {
	return ask{request: func(p *player) csta.Request {
		held, active := pairOf(p, d)
		return csta.TransferCall{HeldCall: held, ActiveCall: active}
	}, actions: actions}
}

func deflect(d, to csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request {
		return csta.DeflectCall{CallToBeDiverted: p.at(d, csta.Alerting), NewDestination: to}
	}, actions: 1}
}

func hold(d csta.DeviceID, actions int) ask {
	return ask{request: func(p *player) csta.Request { return csta.HoldCall{CallToBeHeld: p.at(d, csta.Connected)} }, actions: actions}
}

func retrieve(d csta.DeviceID, actions int) ask {
	return ask{request: func(p *player) csta.Request { return csta.RetrieveCall{CallToBeRetrieved: p.at(d, csta.Hold)} }, actions: actions}
}

func clearing(d csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request { return csta.ClearConnection{ConnectionToBeCleared: p.at(d)} }, actions: 1}
}

func answer(d csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request { return csta.AnswerCall{CallToBeAnswered: p.at(d, csta.Alerting)} }, actions: 1}
}

func disturb(d csta.DeviceID, on bool) ask {
	return ask{request: func(*player) csta.Request { return csta.SetDoNotDisturb{Device: d, DoNotDisturbOn: on} }, actions: 2}
}

func forward(d csta.DeviceID, t csta.ForwardingType, on bool, to csta.DeviceID, actions int) ask {
	return ask{request: func(*player) csta.Request {
		return csta.SetForwarding{Device: d, ForwardingType: t, ActivateForward: on, ForwardDN: to}
	}, actions: actions}
}

func waiting(d csta.DeviceID, on bool) ask {
	return ask{request: func(*player) csta.Request { return csta.SetMessageWaitingIndicator{Device: d, MessageWaitingOn: on} }, actions: 1}
}

func handOver(d, to csta.DeviceID) ask {
	return ask{request: func(p *player) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: p.at(d, csta.Connected), TransferredTo: to}
	}, actions: 1}
}

// scenes are the recordings in which the recorder acted as we do. In the others somebody else acts, or only phones do.
var scenes = map[string]scene{
	"answer-by-pickup": {asks: []ask{answer("102")}, deaf: true, header: "alert-info"},
	"conference-ami": {asks: []ask{consult("102", "103"), {request: func(p *player) csta.Request {
		held, active := pairOf(p, "102")
		return csta.ConferenceCall{HeldCall: held, ActiveCall: active}
	}, actions: 2}}},
	"consultation-alternate-transfer-ami": {asks: []ask{consult("102", "103"), alternate("102"), alternate("102"), transfer("102", 1)}},
	"consultation-reconnect-ami": {asks: []ask{consult("102", "103"), {request: func(p *player) csta.Request {
		held, active := pairOf(p, "102")
		return csta.ReconnectCall{HeldCall: held, ActiveCall: active}
	}, actions: 2}}},
	"deflect-originated-call-ami": {asks: []ask{making("101", "102"), deflect("102", "103")}},
	"deflect-ringing-ami":         {asks: []ask{deflect("102", "103")}},
	"deflect-to-trunk-ami":        {asks: []ask{deflect("102", "9555")}},
	"directed-pickup-ami": {asks: []ask{{request: func(p *player) csta.Request {
		return csta.DirectedPickupCall{CallToBePickedUp: new(p.at("102", csta.Alerting)), RequestingDevice: "103"}
	}, actions: 1}}},
	"do-not-disturb": {asks: []ask{disturb("102", true)}},
	"forward-immediate": {asks: []ask{
		forward("102", csta.ForwardImmediate, true, "103", 2), forward("102", csta.ForwardImmediate, false, "", 2),
	}},
	"forward-no-answer": {asks: []ask{forward("102", csta.ForwardNoAns, true, "103", 1)}},
	"generate-digits": {asks: []ask{{request: func(p *player) csta.Request {
		return csta.GenerateDigits{ConnectionToSendDigits: p.at("101", csta.Connected), CharactersToSend: "12"}
	}, actions: 2}}},
	"makecall-auto-answer":            {asks: []ask{making("101", "102")}},
	"makecall-called-busy":            {asks: []ask{making("101", "102")}},
	"makecall-cancelled":              {asks: []ask{making("101", "102"), clearing("101")}},
	"makecall-invalid-number":         {asks: []ask{{request: making("101", "555").request, actions: 1, refused: csta.ErrInvalidCalledDeviceID}}},
	"makecall-manual-answer":          {asks: []ask{making("101", "102")}},
	"makecall-not-answered-by-caller": {asks: []ask{making("101", "102")}},
	"makecall-rejected-by-caller":     {asks: []ask{making("101", "102")}},
	"makecall-to-trunk":               {asks: []ask{making("101", "9555")}},
	"makecall-unregistered":           {asks: []ask{{request: making("104", "102").request, refused: csta.ErrDeviceOutOfService}}},
	"message-waiting":                 {asks: []ask{waiting("102", true), waiting("102", false)}},
	"park": {asks: []ask{{request: func(p *player) csta.Request {
		return csta.ParkCall{Parking: new(p.at("102", csta.Connected)), ParkTo: "701"}
	}, actions: 1}}},
	"reject-by-hangup-ami": {asks: []ask{clearing("102")}},
	"remote-answer-hold-retrieve": {asks: []ask{
		answer("102"), hold("102", 1), retrieve("102", 1), clearing("102"),
	}},
	"server-side-hold-retrieve":          {asks: []ask{hold("102", 1), retrieve("102", 2)}, deaf: true, header: "off"},
	"single-step-transfer-ami":           {asks: []ask{handOver("102", "103")}},
	"single-step-transfer-by-caller-ami": {asks: []ask{handOver("101", "103")}},
	"transfer-ami-by-caller":             {asks: []ask{consult("101", "103"), transfer("101", 1)}},
	"transfer-while-consultation-rings":  {asks: []ask{consult("102", "103"), transfer("102", 2)}},
}
