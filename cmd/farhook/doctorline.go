package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard"
)

// The steps from the user to the phone.

// optionFlags are the bits of msRTCSIP-OptionFlags, as far as they say something about telephony.
var optionFlags = []struct {
	bit  int
	name string
}{
	{16, "remote call control"}, {128, "enterprise voice"}, {256, "enhanced presence"}, {512, "remote call control beside enterprise voice"}, {1024, "no audio and video"},
}

const flagRemoteCallControl = 16

// explainFlags says bit by bit what they mean.
func explainFlags(flags int) string {
	var set []string
	for _, f := range optionFlags {
		if flags&f.bit != 0 {
			set = append(set, fmt.Sprintf("%d %s", f.bit, f.name))
		}
	}
	if len(set) == 0 {
		return fmt.Sprintf("%d: none that is about telephony", flags)
	}
	return fmt.Sprintf("%d: %s", flags, strings.Join(set, ", "))
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
	found, err := d.dir.people(p.asked)
	lync := namesOf(d.conf)
	lync.user = p.asked
	switch {
	case err != nil:
		return bad(broken, "the directory cannot be asked: "+err.Error(), "see the log of farhook for the directory's own words; the last good copy stays in use meanwhile")
	case len(found) == 0:
		return bad(broken, fmt.Sprintf("nobody in the directory is %q", p.asked), "check the spelling (SIP address, name or line); farhook directory lint shows entries that were left out, and why")
	case len(found) > 1:
		var names []string
		for _, f := range found[:min(len(found), 5)] {
			names = append(names, f.User)
		}
		return bad(broken, fmt.Sprintf("%d people fit %q: %s", len(found), p.asked, strings.Join(names, ", ")), "name one of them by his SIP address")
	}
	u := found[0]
	p.user, p.spelling = u.User, u.Line
	lync.user, lync.line = u.User, orText(u.Line, lync.line)
	switch {
	case u.Line == "":
		return bad(broken, fmt.Sprintf("%s has no line (%s)", u.User, u.Source), lync.userSet()...)
	case u.Flags != nil && *u.Flags&flagRemoteCallControl == 0:
		return bad(broken, fmt.Sprintf("%s is not enabled for remote call control: option flags %s", u.User, explainFlags(*u.Flags)), lync.userSet()...)
	case u.LineServer == "" && u.Flags != nil:
		return bad(broken, fmt.Sprintf("%s has no Line Server URI: his client does not know about farhook", u.User), lync.userSet()...)
	}
	if domain := serverDomain(u.LineServer); domain != "" && d.conf.SIP.Domain != "" && !strings.EqualFold(domain, d.conf.SIP.Domain) {
		return bad(broken, fmt.Sprintf("the Line Server URI of %s is %s, and the static route is for %s: the INVITE goes elsewhere", u.User, u.LineServer, d.conf.SIP.Domain), lync.userSet()...)
	}
	if line, err := d.resolve(u.Line); err == nil {
		if owners := d.dir.owners(line); len(owners) > 1 {
			return bad(broken, fmt.Sprintf("the line %s has %d owners: %s", u.Line, len(owners), strings.Join(owners, ", ")), "take the line away from all but one of them, or make the others his delegates")
		}
	}
	f := ok("%s, %s, line %s", u.User, orText(u.Name, "without a name"), u.Line)
	if u.Flags != nil {
		f[0].Found += ", option flags " + explainFlags(*u.Flags)
	}
	if err := d.dir.trouble(); err != nil {
		f = append(f, bad(warning, "a source of the directory cannot be asked: "+err.Error(), "see that it runs and can be reached with the account that is configured; the last good copy stays in use meanwhile")...)
	}
	return f
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
	for i := len(last) - 1; i >= 0; i-- {
		if strings.EqualFold(last[i].User, p.user) && last[i].Line != "" {
			p.spelling = last[i].Line
			return ok("no directory is configured; %s wanted the line %s", p.user, last[i].Line)
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
			return bad(broken, fmt.Sprintf("the line %q: %v", p.spelling, err), "correct the user's Line URI: tel:+ and the whole number, with ;ext= where the phone has an extension of its own")
		}
		return cannotTell("farhook does not run: whether a PBX has %s cannot be asked", p.spelling)
	}
	line, err := d.board.Resolve(p.spelling)
	if err != nil {
		return bad(broken, fmt.Sprintf("no PBX has the line %s", p.spelling),
			"correct the user's Line URI, or give the PBX that phone; farhook numbers try "+p.spelling+" shows what the rules make of it", "devices known: "+d.known())
	}
	info, found := d.board.Device(switchboard.System, line)
	if !found {
		return bad(broken, fmt.Sprintf("the line %s is known by number only", p.spelling), "wait for its PBX to tell its phones, then look again")
	}
	p.line, p.device = line, info
	return ok("%s is %s (%s) on PBX %s", p.spelling, line, orText(info.Name, "without a name"), info.PBX)
}

// known is a few devices as examples of spelling.
func (d *doctor) known() string {
	var some []string
	all := d.board.Devices(switchboard.System)
	for _, x := range all[:min(len(all), 3)] {
		some = append(some, string(x.ID))
	}
	if len(all) > len(some) {
		some = append(some, fmt.Sprintf("and %d more", len(all)-len(some)))
	}
	return orText(strings.Join(some, ", "), "none")
}

// numbers goes both ways with the line's number: what the PBX shows of it must be the line again, or callers and calls go under another name.
func (d *doctor) numbers(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	native, back, err := d.conf.roundTrip(p.device.PBX, p.line)
	try := fmt.Sprintf("farhook numbers try %s --pbx %s shows every rule and what it did", p.line, p.device.PBX)
	switch {
	case err != nil:
		return bad(broken, fmt.Sprintf("the rules of PBX %s make no number of %s: %v", p.device.PBX, p.line, err), try)
	case back != p.line:
		if id, err := d.resolve(string(back)); err != nil || id != p.line {
			return bad(broken, fmt.Sprintf("%s is %s on PBX %s, and %s comes back as %s: calls of this phone are shown under another number", p.line, native, p.device.PBX, native, orText(string(back), "nothing")),
				try, "mend the rule from_pbx (or the one to_pbx) so that the round trip comes home; farhook numbers lint checks every line")
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
		return bad(broken, "not connected: "+strings.Join(down, "; "), "see that the PBX runs and that this machine reaches it (address, port, firewall, account and secret under pbx in the configuration)",
			"farhook tries again by itself, within 30 s")
	}
	return ok("connected: %s", strings.Join(up, ", "))
}

func (d *doctor) phone(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	s, _ := d.board.Snapshot(switchboard.System, switchboard.Filter{Devices: []csta.DeviceID{p.line}})
	if cause, out := s.Out[p.line]; out && p.device.LinkUp {
		return bad(broken, fmt.Sprintf("%s is out of service: %s", p.line, cause), "the phone is not registered at PBX "+p.device.PBX+": see that it has power and network, and the account and password that the PBX knows")
	}
	if calls := len(s.Calls); calls > 0 {
		return ok("in service, with %d calls", calls)
	}
	return ok("in service, idle")
}

// essential are the services without which a client shows the phone as broken.
var essential = []csta.Service{"MakeCall", "AnswerCall", "ClearConnection"}

func (d *doctor) services(_ context.Context, p *patient) []finding {
	if p.line == "" {
		return nil
	}
	byReason := map[string][]string{}
	h := healthy
	for s, why := range p.device.Lacks {
		byReason[string(why)] = append(byReason[string(why)], string(s))
		if slices.Contains(essential, s) {
			h = warning
		}
	}
	if len(byReason) == 0 {
		return ok("every service of PBX %s: %d", p.device.PBX, len(p.device.Offers))
	}
	var all []string
	for why, list := range byReason {
		slices.Sort(list)
		all = append(all, fmt.Sprintf("%s: %s", strings.Join(list, ", "), why))
	}
	slices.Sort(all)
	return []finding{{Health: h, Found: fmt.Sprintf("%d services; not %s", len(p.device.Offers), strings.Join(all, "; ")), Cure: cureLacks(all)}}
}

func cureLacks(reasons []string) []string {
	var cures []string
	for _, r := range reasons {
		_, why, _ := strings.Cut(r, ": ")
		cures = append(cures, "where it's wanted: "+why+" is to be mended at the PBX or the phone; farhook notices by itself")
	}
	return cures
}

func (d *doctor) sessions(_ context.Context, p *patient) []finding {
	switch {
	case d.uc == nil:
		return nil
	case p.asked == "":
		return ok("%d open", d.uc.Count())
	case p.line == "":
		return nil
	}
	var list []string
	for _, x := range d.uc.Sessions(p.line) {
		list = append(list, fmt.Sprintf("%s by %s since %s", x.User, x.Peer, x.Began.Format(time.DateTime)))
	}
	if len(list) == 0 {
		return bad(warning, "nobody is signed in to this line", "sign out and in again at the client; then look at the refusals here")
	}
	return ok("%s", strings.Join(list, "; "))
}

// curesOfRefusals are what to do, by reason.
var curesOfRefusals = map[string]string{
	"unknown-line": "correct the user's Line URI, or give the PBX that phone",
	"no-line":      "give the user a Line URI: the client's INVITE names none",
	"no-right":     "make the user the owner of the line in the directory, or a delegate of its owner",
	"domain":       "add the domain to the domains of that peer",
	"sessions":     "raise sip.sessions_per_line, sip.sessions or the peer's own limit",
	"connections":  "raise sip.connections or the peer's own limit",
	"memory":       "give the gateway more memory (GOMEMLIMIT, or the MemoryMax of its service), or move users to another one",
	"link-down":    "see PBX link",
}

func (d *doctor) refusals(_ context.Context, p *patient) []finding {
	if d.uc == nil {
		return nil
	}
	last, _ := d.uc.Refusals()
	for i := len(last) - 1; i >= 0; i-- {
		r := last[i]
		mine := p.asked == "" || r.User != "" && strings.EqualFold(r.User, p.user) || p.line != "" && r.Line == string(p.line) || p.spelling != "" && r.Line == p.spelling
		cure, known := curesOfRefusals[r.Reason]
		if !mine || !known {
			continue
		}
		return bad(warning, fmt.Sprintf("%s was refused at %s: %s %s", orText(r.User, r.Peer), r.At.Format(time.DateTime), r.Reason, r.Detail), cure)
	}
	return ok("none lately")
}
