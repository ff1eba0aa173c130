package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
	"farhook/web/names"
)

type devicesInput struct {
	Query string `query:"q" maxLength:"100" doc:"Part of a name, an extension or a number. Case and accents of names are as one likes, and so are the two letters for an umlaut"`
	Kind  string `query:"kind" enum:"phone,group,parkSlot,trunk" doc:"Only devices of this kind"`
	PBX   string `query:"pbx" maxLength:"32" doc:"Only devices of this PBX"`
	State string `query:"state" enum:"idle,busy,outOfService" doc:"Only devices with no call, with a call, or out of service"`
	After string `query:"after" maxLength:"256" doc:"Goes on after this deviceID: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"Devices in one page"`
}

// Device is a device as it is now, with its calls.
type Device struct {
	live.Device
	LacksNow map[csta.Service]pbxadapter.Reason `json:"lacksNow,omitempty" doc:"Services that it offers and that can't be had this minute, and why"`
	Calls    []live.Call                        `json:"calls" nullable:"false" doc:"Calls in which it takes part, oldest first"`
}

type devicesOutput struct {
	Body struct {
		Devices []Device      `json:"devices" nullable:"false"`
		Next    csta.DeviceID `json:"next,omitempty" doc:"Give it as after for the next page; absent: this was the last"`
	}
}

type deviceInput struct {
	Device string `path:"device" maxLength:"256" doc:"Any spelling of the number" example:"1001"`
}

type deviceOutput struct{ Body Device }

func (s *Server) deviceOperations() {
	register(s, op{
		id: "list-devices", method: http.MethodGet, path: "/api/v1/devices", summary: "List devices", tag: "Devices", scope: access.ObserveState,
	}, s.listDevices)
	register(s, op{
		id: "get-device", method: http.MethodGet, path: "/api/v1/devices/{device}", summary: "One device", tag: "Devices", scope: access.ObserveState, errors: []int{404},
	}, s.getDevice)
}

func (s *Server) listDevices(ctx context.Context, in *devicesInput) (*devicesOutput, error) {
	out := &devicesOutput{}
	out.Body.Devices = []Device{}
	all := s.board.Devices(who(ctx))
	from, found := slices.BinarySearchFunc(all, csta.DeviceID(in.After), func(d switchboard.DeviceInfo, after csta.DeviceID) int {
		return strings.Compare(string(d.ID), string(after))
	})
	if found {
		from++
	}
	var state callmodel.State
	if in.State != "" {
		state, _ = s.board.Snapshot(who(ctx), switchboard.Filter{All: true})
	}
	busy := busyIn(state)
	var page []switchboard.DeviceInfo
	var ids []csta.DeviceID
	for _, d := range all[from:] {
		if !matches(d, in) || in.State != "" && stateOf(d, state, busy) != in.State {
			continue
		}
		if len(page) == in.Limit {
			out.Body.Next = page[len(page)-1].ID
			break
		}
		page, ids = append(page, d), append(ids, d.ID)
	}
	state, _ = s.board.Snapshot(who(ctx), switchboard.Filter{Devices: ids})
	for _, d := range page {
		out.Body.Devices = append(out.Body.Devices, s.picture(ctx, d, state))
	}
	return out, nil
}

func busyIn(s callmodel.State) map[csta.DeviceID]bool {
	busy := make(map[csta.DeviceID]bool)
	for _, c := range s.Calls {
		for _, l := range c.Legs {
			busy[l.Device] = true
		}
	}
	return busy
}

func stateOf(d switchboard.DeviceInfo, s callmodel.State, busy map[csta.DeviceID]bool) string {
	_, out := s.Out[d.ID]
	switch {
	case out || !d.LinkUp:
		return "outOfService"
	case busy[d.ID]:
		return "busy"
	}
	return "idle"
}

func matches(d switchboard.DeviceInfo, in *devicesInput) bool {
	if in.Kind != "" && live.KindOf(d) != in.Kind || in.PBX != "" && d.PBX != in.PBX {
		return false
	}
	q := strings.ToLower(in.Query)
	return q == "" || names.PartOf(q).In(d.Name) || strings.Contains(string(d.ID), q) ||
		slices.ContainsFunc(d.Aliases, func(a string) bool { return strings.Contains(a, q) }) || isOwners(d.Owner, q)
}

// isOwners says whether something that is searched for is part of what the directory has of a device's owner: an address, another number.
func isOwners(w switchboard.Who, q string) bool {
	plain := func(s string) string {
		return strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(s)
	}
	return strings.Contains(w.User, q) || strings.Contains(strings.ToLower(w.Mail), q) || names.PartOf(q).In(w.Department) ||
		slices.ContainsFunc(w.Numbers, func(n string) bool {
			return strings.Contains(n, q) || plain(q) != "" && strings.Contains(plain(n), plain(q))
		})
}

func (s *Server) getDevice(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
	d, err := s.device(ctx, in.Device)
	if err != nil {
		return nil, err
	}
	state, _ := s.board.Snapshot(who(ctx), switchboard.Filter{Devices: []csta.DeviceID{d.ID}})
	return &deviceOutput{Body: s.picture(ctx, d, state)}, nil
}

// picture is a device with its calls, as the sender may see them.
func (s *Server) picture(ctx context.Context, d switchboard.DeviceInfo, state callmodel.State) Device {
	out := Device{Device: live.DeviceOf(d, state), LacksNow: lacksNow(d, state), Calls: []live.Call{}}
	for _, c := range state.Calls {
		if slices.ContainsFunc(c.Legs, func(l callmodel.Leg) bool { return l.Device == d.ID }) {
			for _, x := range s.calls(ctx, c) {
				if slices.ContainsFunc(x.Legs, func(l live.Leg) bool { return l.Device == d.ID }) {
					out.Calls = append(out.Calls, x)
				}
			}
		}
	}
	slices.SortStableFunc(out.Calls, func(a, b live.Call) int { return a.Began.Compare(*b.Began) })
	return out
}

// lacksNow are the services that fail for what is so this minute: a link that is down, a phone that isn't registered.
func lacksNow(d switchboard.DeviceInfo, state callmodel.State) map[csta.Service]pbxadapter.Reason {
	cause, out := state.Out[d.ID]
	if d.LinkUp && !out {
		return nil
	}
	lacks := make(map[csta.Service]pbxadapter.Reason)
	for _, service := range d.Offers {
		switch link, phone := switchboard.Takes(service); {
		case link && !d.LinkUp:
			lacks[service] = pbxadapter.Reason("the link to PBX " + d.PBX + " is down")
		case phone && out:
			lacks[service] = pbxadapter.Reason(fmt.Sprintf("the phone is out of service: %s", cause))
		}
	}
	return lacks
}
