package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard"
)

// The steps from the user to the phone.

// optionFlags are the bits of msRTCSIP-OptionFlags, as far as they say something about telephony.
var optionFlags = []struct {
	bit  int
	name saying
}{
	{16, say("remote call control")},
	{128, say("enterprise voice")},
	{256, say("enhanced presence")},
	{512, say("remote call control beside enterprise voice")},
	{1024, say("no audio and video")},
}

const flagRemoteCallControl = 16

// explainFlags says bit by bit what they mean.
func explainFlags(flags int) saying {
	var set []saying
	for _, f := range optionFlags {
		if flags&f.bit != 0 {
			set = append(set, say("%s %s", f.bit, f.name))
		}
	}
	if len(set) == 0 {
		return say("%s: none that is about telephony", flags)
	}
	return say("%s: %s", flags, listed(", ", set))
}

// entry finds the user in the directory, or takes what was typed for a line.
func (d *doctor) entry(_ context.Context, p *patient) []finding {
	if p.asked == "" {
		if d.dir == nil {
			return ok("no directory is configured; name a user or a line to look at one")
		}
		return ok("name a user to look at his entry")
	}
	if d.dir == nil {
		p.spelling = p.asked
		if strings.Contains(p.asked, "@") {
			return d.signedIn(p)
		}
		return ok("no directory is configured; %s is taken for a line", p.asked)
	}
	there, err := d.dir.people(p.asked)
	switch {
	case err != nil:
		return bad(broken, say("the directory cannot be asked: %s", err), say("see the log of farhook for the directory's own words; the last good copy stays in use meanwhile"))
	case len(there) == 0:
		return bad(broken, say("nobody in the directory is \"%s\"", p.asked), say("check the spelling (SIP address, name or line); farhook directory lint shows entries that were left out, and why"))
	case len(there) > 1:
		var names []string
		for _, f := range there[:min(len(there), 5)] {
			names = append(names, f.User)
		}
		return bad(broken, say("%s people fit \"%s\": %s", len(there), p.asked, joined(names)), say("name one of them by his SIP address"))
	}
	u := there[0]
	p.user, p.spelling = u.User, u.Line
	names := namesOf(d.conf)
	names.user, names.line = u.User, orText(u.Line, names.line)
	enable := names.onBoth(lyncNames.userSet, lyncNames.userSetOCS)
	switch {
	case u.Line == "":
		return bad(broken, say("%s has no line (%s)", u.User, u.Source), enable...)
	case u.Flags != nil && *u.Flags&flagRemoteCallControl == 0:
		return bad(broken, say("%s is not enabled for remote call control: option flags %s", u.User, explainFlags(*u.Flags)), enable...)
	case u.LineServer == "" && u.Flags != nil:
		return bad(broken, say("%s has no Line Server URI: his client does not know about farhook", u.User), enable...)
	}
	if domain := serverDomain(u.LineServer); domain != "" && d.conf.SIP.Domain != "" && !strings.EqualFold(domain, d.conf.SIP.Domain) {
		return bad(broken, say("the Line Server URI of %s is %s, and the static route is for %s: the INVITE goes elsewhere", u.User, u.LineServer, d.conf.SIP.Domain), enable...)
	}
	if line, err := d.resolve(u.Line); err == nil {
		if owners := d.dir.owners(line); len(owners) > 1 {
			return bad(broken, say("the line %s has %s owners: %s", u.Line, len(owners), joined(owners)), say("take the line away from all but one of them, or make the others his delegates"))
		}
	}
	f := ok("%s, %s, line %s", u.User, named(u.Name), u.Line)
	if u.Flags != nil {
		f = ok("%s, %s, line %s, option flags %s", u.User, named(u.Name), u.Line, explainFlags(*u.Flags))
	}
	if err := d.dir.trouble(); err != nil {
		f = append(f, bad(warning, say("a source of the directory cannot be asked: %s", err), say("see that it runs and can be reached with the account that is configured; the last good copy stays in use meanwhile"))...)
	}
	return f
}

func named(s string) saying {
	if s == "" {
		return say("without a name")
	}
	return typed(s)
}

// signedIn finds the line of a user without a directory: by his session, or by one that was refused.
func (d *doctor) signedIn(p *patient) []finding {
	p.user, p.spelling = sipAddress(p.asked), ""
	if d.uc == nil {
		return cannotTell("no directory is configured, and farhook does not run: nothing is known of %s", p.asked)
	}
	for _, x := range d.uc.Sessions("") {
		if strings.EqualFold(x.User, p.user) {
			p.spelling = x.Spelling
			return ok("no directory is configured; %s is signed in with the line %s", p.user, x.Spelling)
		}
	}
	last, _ := d.uc.Refusals()
	for _, r := range slices.Backward(last) {
		if strings.EqualFold(r.User, p.user) && r.Line != "" {
			p.spelling = r.Line
			return ok("no directory is configured; %s wanted the line %s", p.user, r.Line)
		}
	}
	return cannotTell("no directory is configured, and %s has not come to farhook yet: give his line instead of his name to look at it", p.user)
}

func sipAddress(s string) string {
	if scheme, _, found := strings.Cut(s, ":"); found && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) {
		return s
	}
	return "sip:" + s
}

// serverDomain is the domain of a Line Server URI.
func serverDomain(uri string) string {
	_, host, _ := strings.Cut(uri, "@")
	host, _, _ = strings.Cut(host, ";")
	host, _, _ = strings.Cut(host, ":")
	return host
}

func (d *doctor) resolve(spelling string) (csta.DeviceID, error) {
	if d.board == nil {
		return "", errors.New("farhook does not run")
	}
	return d.board.Resolve(spelling)
}

func (d *doctor) lineToDevice(_ context.Context, p *patient) []finding {
	if p.spelling == "" {
		return nil
	}
	if d.board == nil {
		if _, err := numbering.Parse(p.spelling); err != nil {
			return bad(broken, say("the line \"%s\": %s", p.spelling, err), say("correct the user's Line URI: tel:+ and the whole number, with ;ext= where the phone has an extension of its own"))
		}
		return cannotTell("farhook does not run: whether a PBX has %s cannot be asked", p.spelling)
	}
	line, err := d.board.Resolve(p.spelling)
	info, found := d.board.Device(switchboard.System, line)
	switch {
	case !found && !d.board.Complete() && err == nil:
		return cannotTell("PBX %s has told no phones since farhook was started, so no PBX is known to have %s; as the directory has it, or the PBX had it last, the line can be signed in to meanwhile", d.silent(), p.spelling)
	case !found && !d.board.Complete():
		return cannotTell("PBX %s has told no phones since farhook was started, so no PBX is known to have %s; until then who signs in to it is told to try again (480, Retry-After)", d.silent(), p.spelling)
	case !found:
		return bad(broken, say("no PBX has the line %s", p.spelling),
			say("correct the user's Line URI, or give the PBX that phone; farhook numbers try %s shows what the rules make of it", p.spelling), say("devices known: %s", d.known()))
	}
	p.line, p.device = line, info
	return ok("%s is %s (%s) on PBX %s", p.spelling, line, named(info.Name), info.PBX)
}

// silent names the PBXs that have told no devices yet.
func (d *doctor) silent() string {
	var names []string
	for _, l := range d.board.Links() {
		if !l.Synced {
			names = append(names, l.Name)
		}
	}
	return joined(names)
}

// known is a few devices as examples of spelling.
func (d *doctor) known() saying {
	var some []csta.DeviceID
	all := d.board.Devices(switchboard.System)
	for _, x := range all[:min(len(all), 3)] {
		some = append(some, x.ID)
	}
	switch more := len(all) - len(some); {
	case len(some) == 0:
		return say("none")
	case more > 0:
		return say("%s and %s more", joined(some), more)
	}
	return typed(joined(some))
}

// numbers goes both ways with the line's number: what the PBX shows of it must be the line again, or callers and calls go under another name.
func (d *doctor) numbers(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	native, back, err := d.conf.roundTrip(p.device.PBX, p.line)
	try := say("farhook numbers try %s --pbx %s shows every rule and what it did", p.line, p.device.PBX)
	switch {
	case err != nil:
		return bad(broken, say("the rules of PBX %s make no number of %s: %s", p.device.PBX, p.line, err), try)
	case back != p.line:
		if id, err := d.resolve(string(back)); err != nil || id != p.line {
			comes := typed(string(back))
			if back == "" {
				comes = say("nothing")
			}
			return bad(broken, say("%s is %s on PBX %s, and %s comes back as %s: calls of this phone are shown under another number", p.line, native, p.device.PBX, native, comes),
				try, say("mend the rule from_pbx (or the one to_pbx) so that the round trip comes home; farhook numbers lint checks every line"))
		}
	}
	return ok("%s is %s on PBX %s, and comes home", p.line, native, p.device.PBX)
}

func (d *doctor) link(_ context.Context, p *patient) []finding {
	if d.board == nil {
		return nil
	}
	var down, up []string
	for _, l := range d.board.Links() {
		if p.device.PBX != "" && l.Name != p.device.PBX {
			continue
		}
		if l.Up {
			up = append(up, l.Name)
			continue
		}
		text := l.Name
		if l.Why != "" {
			text += " (" + l.Why + ")"
		}
		down = append(down, text)
	}
	if len(down) > 0 {
		return bad(broken, say("not connected: %s", strings.Join(down, "; ")),
			say("see that the PBX runs and that this machine reaches it (address, port, firewall, account and secret under pbx in the configuration)"),
			say("farhook tries again by itself, within 30 s"))
	}
	return ok("connected: %s", joined(up))
}

func (d *doctor) phone(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	s, _ := d.board.Snapshot(switchboard.System, switchboard.Filter{Devices: []csta.DeviceID{p.line}})
	if cause, out := s.Out[p.line]; out && p.device.LinkUp {
		return bad(broken, say("%s is out of service: %s", p.line, cause),
			say("the phone is not registered at PBX %s: see that it has power and network, and the account and password that the PBX knows", p.device.PBX))
	}
	if calls := len(s.Calls); calls > 0 {
		return ok("in service, with %s calls", calls)
	}
	return ok("in service, idle")
}
