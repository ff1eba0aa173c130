// Package access says who comes over HTTP and what they may: opaque tokens, local users, users of an OpenID provider, and the rights that
// each has on lines. It is a switchboard.Policy for all principals that come by HTTP.
package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"farhook/csta"
)

// Scope is one kind of thing that may be done.
type Scope string

// The scopes. Seeing that a line speaks, and seeing with whom, are two.
const (
	ObserveState   Scope = "observe-state"
	ObserveParties Scope = "observe-parties"
	Control        Scope = "control"
	Administer     Scope = "administer"
	// Override, with Control, lets call through a do not disturb.
	Override Scope = "override"
)

// Scopes lists them. Override comes last: no operation takes it by itself.
var Scopes = [...]Scope{ObserveState, ObserveParties, Control, Administer, Override}

// Grant is what somebody may do, and with which lines.
type Grant struct {
	Scopes     []Scope         `json:"scopes" nullable:"false" enum:"observe-state,observe-parties,control,administer,override" doc:"What may be done; override, with control: calling through a do not disturb"`
	AllDevices bool            `json:"allDevices,omitempty" doc:"It holds for every device"`
	Devices    []csta.DeviceID `json:"devices,omitempty" maxItems:"10000" doc:"Devices it holds for; a group stands for its members too" example:"[\"tel:+15551001\"]"`
	OwnLines   []csta.DeviceID `json:"ownLines,omitempty" maxItems:"100" doc:"Lines that are the holder's own: as devices, and hands-free calls may be made from them"`
	Allow      []string        `json:"allow,omitempty" maxItems:"100" doc:"Regular expressions (RE2) of numbers that may be called, matched against the whole canonical number; none: all"`
	Deny       []string        `json:"deny,omitempty" maxItems:"100" doc:"Numbers that may not be called, whatever allow says" example:"[\"\\\\+1900.*\"]"`
	PerMinute  int             `json:"perMinute,omitempty" minimum:"0" maximum:"1000000" doc:"Requests a minute; 0: the gateway's default"`
}

// Everything is the grant of an operator.
func Everything() Grant { return Grant{Scopes: slices.Clone(Scopes[:]), AllDevices: true} }

// Check says what is wrong with a grant.
func (g Grant) Check() error {
	for _, s := range g.Scopes {
		if !slices.Contains(Scopes[:], s) {
			return fmt.Errorf("scopes: %q is none of observe-state, observe-parties, control, administer, override", s)
		}
	}
	for member, list := range map[string][]string{"allow": g.Allow, "deny": g.Deny} {
		if _, err := compile(list); err != nil {
			return fmt.Errorf("%s: %w", member, err)
		}
	}
	return nil
}

// Has says whether it has a scope. Control and parties include the state; administer stands for itself.
func (g Grant) Has(s Scope) bool {
	if s == ObserveState && (slices.Contains(g.Scopes, ObserveParties) || slices.Contains(g.Scopes, Control)) {
		return true
	}
	return slices.Contains(g.Scopes, s)
}

// patterns are regular expressions that match whole numbers.
type patterns []*regexp.Regexp

func compile(list []string) (patterns, error) {
	var p patterns
	for _, s := range list {
		if len(s) > 200 {
			return nil, fmt.Errorf("a pattern of %d octets: 200 are allowed", len(s))
		}
		_, err := regexp.Compile(s) // by itself: a bracket too many would take the anchors from it
		re, aerr := regexp.Compile(`^(?:` + s + `)$`)
		if err = errors.Join(err, aerr); err != nil {
			return nil, fmt.Errorf("%q is no regular expression: %w", s, err)
		}
		p = append(p, re)
	}
	return p, nil
}

func (p patterns) match(number string) bool {
	return slices.ContainsFunc(p, func(re *regexp.Regexp) bool { return re.MatchString(number) })
}

// plain is a device's number without scheme and parameters.
func plain(d csta.DeviceID) string {
	s, _, _ := strings.Cut(strings.TrimPrefix(string(d), "tel:"), ";")
	return s
}

// rights are what somebody may do, ready for use: groups are expanded, patterns compiled. A token and a local user have one role; an account of an OpenID
// provider has one for each of its groups that has one. What one role allows holds for the devices of that role, not for those of another.
type rights struct {
	grant       Grant // the sum of the roles
	roles       []role
	allow, deny patterns // of all roles
}

type role struct {
	Grant
	devices map[csta.DeviceID]bool
}

// ready expands roles. members gives the members of a group; nil or none where it is none.
func ready(members func(csta.DeviceID) []csta.DeviceID, roles ...Grant) *rights {
	r := &rights{grant: sum(roles)}
	for _, g := range roles {
		x := role{g, make(map[csta.DeviceID]bool)}
		for _, list := range [][]csta.DeviceID{g.OwnLines, g.Devices} {
			for _, d := range list {
				x.devices[d] = true
				if members != nil {
					for _, m := range members(d) {
						x.devices[m] = true
					}
				}
			}
		}
		r.roles = append(r.roles, x)
	}
	var err error
	if r.allow, err = compile(r.grant.Allow); err != nil {
		return &rights{} // Check was passed when it was made: a damaged one may do nothing
	}
	if r.deny, err = compile(r.grant.Deny); err != nil {
		return &rights{}
	}
	return r
}

// sum is what roles come to together, but for what holds for which devices.
func sum(roles []Grant) Grant {
	var g Grant
	for _, r := range roles {
		g.Scopes = with(g.Scopes, r.Scopes)
		g.AllDevices = g.AllDevices || r.AllDevices
		g.Devices = with(g.Devices, r.Devices)
		g.OwnLines = with(g.OwnLines, r.OwnLines)
		g.Deny = append(g.Deny, r.Deny...)
		g.Allow = append(g.Allow, r.Allow...)
		g.PerMinute = max(g.PerMinute, r.PerMinute)
	}
	return g
}

// with adds to a list what it hasn't.
func with[T comparable](list, more []T) []T {
	for _, x := range more {
		if !slices.Contains(list, x) {
			list = append(list, x)
		}
	}
	return list
}

// gives says whether a role allows something at a device.
func (r *rights) gives(s Scope, d csta.DeviceID) bool {
	return slices.ContainsFunc(r.roles, func(x role) bool { return x.Has(s) && (x.AllDevices || x.devices[d]) })
}

// may is the rule of the policy.
func (r *rights) may(right csta.Right, d csta.DeviceID) bool {
	switch right {
	case csta.Observe:
		return r.gives(ObserveState, d)
	case csta.Control, csta.Pickup:
		return r.gives(Control, d)
	case csta.Override:
		return r.gives(Override, d) && r.gives(Control, d)
	case csta.Call:
		n := plain(d)
		return r.grant.Has(Control) && !r.deny.match(n) && (len(r.allow) == 0 || r.allow.match(n))
	}
	return false
}

// parties says whether it may be seen with whom a device speaks.
func (r *rights) parties(d csta.DeviceID) bool { return r.gives(ObserveParties, d) }
