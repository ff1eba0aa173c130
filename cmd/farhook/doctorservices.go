package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/uacsta"
)

// The last steps: what the phone can do, who is signed in to it, and who was turned away.

// essential are the services without which a client shows the phone as broken.
var essential = []csta.Service{"MakeCall", "AnswerCall", "ClearConnection"}

// lackings are why phones lack a service, as adapters say it, and what to do about it.
var lackings = []saidReason{
	{say("the manager account may not do %s, or the module that offers it is not loaded"), say("give the account in manager.conf the read and write classes of docs/asterisk.md, or load the module; then: asterisk -rx 'manager reload'")},
	{say("the dialplan context %s has no line %s (docs/asterisk.md)"), say("put the lines of docs/asterisk.md into the dialplan; then: asterisk -rx 'dialplan reload'")},
	{say("the phone does not obey NOTIFY hold and talk, and the dialplan lines that hold for it are missing (docs/asterisk.md)"), say("put the lines of docs/asterisk.md into the dialplan; then: asterisk -rx 'dialplan reload'")},
	{say("the phone neither obeys NOTIFY talk nor can be made to answer by itself"), say("where this kind of phone can do it, give it a row of styles in the PBX's settings; otherwise use another phone (docs/phones.md)")},
	{say("the phone cannot be made to answer by itself"), say("where this kind of phone can do it, give it a row of styles in the PBX's settings; otherwise use another phone (docs/phones.md)")},
	{say("the dialplan %s does not keep it"), say("choose the dialplan that keeps it in the PBX's settings (docs/asterisk.md)")},
	{say("there is no car park"), say("set up the car park at the PBX, and name it in the PBX's settings")},
	{say("never seen on a real Asterisk: set experimental to offer it"), say("set experimental in the PBX's settings, and try it with care")},
	{say("the phone, of which nothing is known: set devices.style, or a row of styles, does not answer when it is told to"), say("set devices.style of the phone, or give its kind a row of styles (docs/freeswitch.md)")},
	{say("the phone, which calls itself \"%s\", does not answer when it is told to"), say("where this kind of phone can do it, give it a row of styles in the PBX's settings; otherwise use another phone (docs/phones.md)")},
	{say("the phone, by its configured style, does not answer when it is told to"), say("where it can, choose another devices.style for it (docs/freeswitch.md)")},
	{say("the phone, of which nothing is known: set devices.style, or a row of styles, cannot be made to answer at once, and a pickup must not ring"), say("set devices.style of the phone, or give its kind a row of styles (docs/freeswitch.md)")},
	{say("the phone, which calls itself \"%s\", cannot be made to answer at once, and a pickup must not ring"), say("where this kind of phone can do it, give it a row of styles in the PBX's settings; otherwise use another phone (docs/phones.md)")},
	{say("the phone, by its configured style, cannot be made to answer at once, and a pickup must not ring"), say("where it can, choose another devices.style for it (docs/freeswitch.md)")},
	{say("the device is in no pickup_group"), say("give the phone a pickup_group at the PBX")},
	{say("no park slots are configured"), say("name the park slots in the PBX's settings")},
	{say("no commands are configured for do_not_disturb, and feature_sync is off"), say("configure the feature's commands, or feature_sync (docs/freeswitch.md)")},
	{say("no commands are configured for forwarding, and feature_sync is off"), say("configure the feature's commands, or feature_sync (docs/freeswitch.md)")},
	{say("this phone cannot be answered remotely"), say("where it's wanted, mend it at the PBX or the phone; farhook notices by itself")},
	{say("this is no phone"), say("choose the line of a phone")},
}

type saidReason struct{ why, cure saying }

// reasonOf is a reason as a text, with its cure. One that isn't in the table is said as it stands.
func reasonOf(why string) saidReason {
	for _, l := range lackings {
		if args, ok := fits(l.why.Format, why); ok {
			l.why.Args = args
			return l
		}
	}
	return saidReason{typed(why), say("where it's wanted, mend it at the PBX or the phone; farhook notices by itself")}
}

// fits says whether a sentence was made of a format, and of what.
func fits(format, s string) ([]saying, bool) {
	pieces := strings.Split(format, "%s")
	s, ok := strings.CutPrefix(s, pieces[0])
	if !ok || len(pieces) == 1 {
		return nil, ok && s == ""
	}
	var args []saying
	for i, p := range pieces[1:] {
		at := strings.Index(s, p)
		if i == len(pieces)-2 {
			at = len(s) - len(p)
		}
		if at < 0 || !strings.HasPrefix(s[at:], p) {
			return nil, false
		}
		args = append(args, typed(s[:at]))
		s = s[at+len(p):]
	}
	return args, true
}

// services names what the phone can do, and what it can't, with why.
func (d *doctor) services(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	h := healthy
	by := make(map[string][]csta.Service)
	for s, why := range p.device.Lacks {
		by[string(why)] = append(by[string(why)], s)
		if slices.Contains(essential, s) {
			h = warning
		}
	}
	var never []csta.Service // what other kinds of PBX can
	for s := range new(sim.PBX).Services() {
		if _, lacks := p.device.Lacks[s]; !lacks && !slices.Contains(p.device.Offers, s) {
			never = append(never, s)
		}
	}
	var not, cures []saying
	for _, why := range slices.Sorted(maps.Keys(by)) {
		slices.Sort(by[why])
		r := reasonOf(why)
		not = append(not, say("%s: %s", joined(by[why]), r.why))
		if !slices.ContainsFunc(cures, func(c saying) bool { return c.Format == r.cure.Format }) {
			cures = append(cures, r.cure)
		}
	}
	if len(never) > 0 {
		slices.Sort(never)
		not = append(not, say("%s: farhook can't do it on this kind of PBX", joined(never)))
	}
	if len(not) == 0 {
		return ok("can %s", joined(p.device.Offers))
	}
	return bad(h, say("can %s; not %s", joined(p.device.Offers), listed("; ", not)), cures...)
}

func (d *doctor) sessions(_ context.Context, p *patient) []finding {
	switch {
	case d.uc == nil:
		return nil
	case p.asked == "":
		return ok("%s open", d.uc.Count())
	}
	line := p.line
	if line == "" { // before its PBX has told it there may be sessions on it
		var err error
		if line, err = d.resolve(p.spelling); err != nil {
			return nil
		}
	}
	var list []saying
	for _, x := range d.uc.Sessions(line) {
		list = append(list, say("%s by %s since %s", x.User, x.Peer, x.Began.Format(time.DateTime)))
	}
	if len(list) == 0 {
		return bad(warning, say("nobody is signed in to this line"), say("sign out and in again at the client; then look at the refusals here"))
	}
	return []finding{found(healthy, listed("; ", list))}
}

// refused are the reasons for which somebody is turned away, and what to do.
var refused = map[string]saidReason{
	"unknown-line": {say("no PBX has the line"), say("correct the user's Line URI, or give the PBX that phone")},
	"no-line":      {say("the client named no line"), say("give the user a Line URI: the client's INVITE names none")},
	"no-right":     {say("the user has no right to the line"), say("make the user the owner of the line in the directory, or a delegate of its owner")},
	"domain":       {say("the user's SIP domain is none of that peer's"), say("add the domain to the domains of that peer")},
	"sessions":     {say("too many sessions"), say("raise sip.sessions_per_line, sip.sessions or the peer's own limit")},
	"connections":  {say("too many connections"), say("raise sip.connections or the peer's own limit")},
	"memory":       {say("memory is short"), say("give the gateway more memory (GOMEMLIMIT, or the MemoryMax of its service), or move users to another one")},
	"link-down":    {say("the PBX was not connected, or had not told its phones yet"), say("see PBX link; clients that try again get in once it is there, otherwise sign out and in again at the client")},
	"no-csta":      {say("the INVITE was not CSTA"), say("see arrivals")},
	"unknown-peer": {say("it is no configured UC server"), say("if it is a UC server of yours, name it under peers (hosts as in its certificate, or addresses for plain TCP)")},
	"handshake":    {say("the TLS handshake failed"), say("if it is a UC server of yours, name it under peers (hosts as in its certificate, or addresses for plain TCP)")},
}

// refusalsTold is how many of the last refusals are told.
const refusalsTold = 5

// refusals tells the last ones, the newest first. One after which the same user has signed in, or the same peer was heard, is history.
func (d *doctor) refusals(_ context.Context, p *patient) []finding {
	if d.uc == nil {
		return nil
	}
	last, _ := d.uc.Refusals()
	came := make(map[string]time.Time)
	for _, x := range d.uc.Sessions("") {
		if u := strings.ToLower(x.User); came[u].Before(x.Began) {
			came[u] = x.Began
		}
	}
	var all []finding
	for _, r := range slices.Backward(last) {
		if !p.concerns(r) {
			continue
		}
		why, known := refused[r.Reason]
		if !known {
			why = saidReason{why: typed(r.Reason)}
		}
		who, since := r.User, came[strings.ToLower(r.User)]
		if who == "" {
			who, since = r.Peer, d.uc.Contact().Heard
		}
		f := found(warning, say("%s was refused at %s: %s (%s)", who, r.At.Format(time.DateTime), why.why, orText(r.Detail, r.Reason)), why.cure)
		if since.After(r.At) {
			f = found(healthy, say("%s was refused at %s: %s (%s); it went well since", who, r.At.Format(time.DateTime), why.why, orText(r.Detail, r.Reason)))
		}
		if all = append(all, f); len(all) == refusalsTold {
			break
		}
	}
	if len(all) == 0 {
		return ok("none lately")
	}
	return all
}

// concerns says whether a refusal has to do with the patient.
func (p *patient) concerns(r uacsta.Refusal) bool {
	return p.asked == "" || r.User != "" && strings.EqualFold(r.User, p.user) || p.line != "" && r.Line == string(p.line) || p.spelling != "" && r.Line == p.spelling
}
