package asterisk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
)

// requirement is what a service takes: actions that the account may do, lines of our dialplan, what the phone obeys.
type requirement struct {
	service csta.Service
	actions []string
	any     []string // one of these will do
	lines   []string
	holds   bool // the phone obeys NOTIFY, or our lines hold for it
	answers bool // the phone obeys NOTIFY, or can be made to answer by itself
	prompts bool // it can be made to answer by itself
	feature func(preset) bool
	slots   bool // there is a car park
	untried bool // on a real Asterisk: it is offered only as experimental
}

func anyForward(p preset) bool { return len(p.forwards) > 0 }
func anyDisturb(p preset) bool { return p.disturb.family != "" }

// requirements is the table of what each service takes: one row per service of the table of services that may lack.
var requirements = []requirement{
	{service: "MakeCall", actions: []string{"Originate"}},
	{service: "AnswerCall", answers: true},
	{service: "ClearConnection", actions: []string{"Hangup"}},
	{service: "ClearCall", actions: []string{"Hangup"}},
	{service: "HoldCall", holds: true},
	{service: "RetrieveCall", holds: true},
	{service: "AlternateCall", holds: true},
	{service: "ConsultationCall", actions: []string{"Originate"}, holds: true},
	{service: "ReconnectCall", actions: []string{"Hangup"}, holds: true},
	{service: "TransferCall", actions: []string{"Bridge", "Hangup", "BlindTransfer"}},
	{service: "SingleStepTransferCall", actions: []string{"BlindTransfer"}},
	{service: "ConferenceCall", actions: []string{"Redirect"}, lines: []string{conferenceExten}},
	{service: "SingleStepConferenceCall", actions: []string{"Redirect", "Originate"}, lines: []string{conferenceExten}},
	{service: "DeflectCall", actions: []string{"Redirect"}},
	{service: "DirectedPickupCall", actions: []string{"Originate"}, prompts: true},
	{service: "GroupPickupCall", actions: []string{"Originate"}, prompts: true},
	{service: "ParkCall", actions: []string{"Park", "Setvar"}, slots: true},
	{service: "GenerateDigits", actions: []string{"PlayDTMF"}},
	{service: "GetForwarding", actions: []string{"DBGet"}, feature: anyForward},
	{service: "SetForwarding", actions: []string{"DBPut", "DBDel", "Setvar", "Getvar"}, feature: anyForward},
	{service: "GetDoNotDisturb", actions: []string{"DBGet"}, feature: anyDisturb},
	{service: "SetDoNotDisturb", actions: []string{"DBPut", "DBDel", "Setvar"}, feature: anyDisturb},
	{service: "SetMessageWaitingIndicator", actions: []string{"MWIUpdate", "MWIDelete"}},
	{service: "GetMessageWaitingIndicator", any: []string{"MWIGet", "MailboxCount"}},
}

// lack is why a phone does not offer what a requirement is for; empty where it does. a.mu is held.
func (a *Adapter) lack(r requirement, p *phoneEntry) pbxadapter.Reason {
	for _, name := range r.actions {
		if !a.rights[name] {
			return pbxadapter.Reason("the manager account may not do " + name + ", or the module that offers it is not loaded")
		}
	}
	if len(r.any) > 0 && !slices.ContainsFunc(r.any, func(name string) bool { return a.rights[name] }) {
		return pbxadapter.Reason("the manager account may not do " + strings.Join(r.any, " or ") + ", or the module that offers it is not loaded")
	}
	for _, line := range r.lines {
		if !a.lines[line] {
			return pbxadapter.Reason(fmt.Sprintf("the dialplan context %s has no line %s (docs/asterisk.md)", a.conf.Context, lineName(line)))
		}
	}
	notify := p.style.notify() && a.rights["PJSIPNotify"]
	switch {
	case r.holds && !notify && !a.serverHolds():
		return pbxadapter.Reason("the phone does not obey NOTIFY hold and talk, and the dialplan lines that hold for it are missing (docs/asterisk.md)")
	case r.answers && !notify && (!p.style.prompts() || !a.rights["Originate"]):
		return "the phone neither obeys NOTIFY talk nor can be made to answer by itself"
	case r.prompts && !p.style.prompts():
		return "the phone cannot be made to answer by itself"
	case r.feature != nil && !r.feature(a.t.book.preset):
		return pbxadapter.Reason("the dialplan " + a.conf.Dialplan + " does not keep it")
	case r.slots && len(a.slots) == 0:
		return "there is no car park"
	case (r.untried || r.feature != nil && !a.t.book.preset.seen) && !a.conf.Experimental:
		return "never seen on a real Asterisk: set experimental to offer it"
	}
	return ""
}

// serverHolds says whether our dialplan lines can hold a call; a.mu is held.
func (a *Adapter) serverHolds() bool {
	return a.lines[holdExten] && a.lines[parkExten] && a.lines[joinExten] && a.rights["Redirect"] && a.rights["Setvar"]
}

// tellDevices tells what devices there are, where anybody listens; a.mu is held.
func (a *Adapter) tellDevices() {
	if a.reporter != nil {
		a.reporter.Devices(a.devices())
	}
}

// devices is everybody there is; a.mu is held.
func (a *Adapter) devices() []pbxadapter.Device {
	var all []pbxadapter.Device
	for _, id := range slices.Sorted(maps.Keys(a.t.book.phones)) {
		p := a.t.book.phones[id]
		d := pbxadapter.Device{ID: id, Name: p.name, Lacks: map[csta.Service]pbxadapter.Reason{}}
		if strings.Trim(p.number, "0123456789*#") == "" {
			d.Aliases = []string{p.number}
		}
		for _, r := range requirements {
			if why := a.lack(r, p); why != "" {
				d.Lacks[r.service] = why
			}
		}
		all = append(all, d)
	}
	all = append(all, a.t.book.groupDevices()...)
	for _, n := range slices.Sorted(maps.Keys(a.slots)) {
		d := a.t.book.dialled(n)
		if d == "" || a.t.book.phones[d] != nil || a.t.book.groups[d] != nil {
			continue
		}
		all = append(all, pbxadapter.Device{ID: d, Kind: pbxadapter.ParkSlot, Name: "Park slot " + n, Lacks: noPhone()})
	}
	return all
}

// noPhone is what a car park's slot and a group lack.
func noPhone() map[csta.Service]pbxadapter.Reason {
	lacks := map[csta.Service]pbxadapter.Reason{}
	for _, r := range requirements {
		if r.service != "ClearCall" {
			lacks[r.service] = "this is no phone"
		}
	}
	return lacks
}
