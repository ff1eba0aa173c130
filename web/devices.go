package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/live"
)

// who comes by REST. Sign-in will fill it; until then it is whoever is on this machine.
func who() switchboard.Principal { return switchboard.Principal{User: "rest", Via: "http"} }

type devicesInput struct {
	Query string `query:"q" maxLength:"100" doc:"Part of a name, an extension or a number"`
	Kind  string `query:"kind" enum:"phone,group,parkSlot,trunk" doc:"Only devices of this kind"`
	After string `query:"after" maxLength:"256" doc:"Goes on after this deviceID: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"Devices in one page"`
}

type devicesOutput struct {
	Body struct {
		Devices []live.Device `json:"devices" nullable:"false"`
		Next    csta.DeviceID `json:"next,omitempty" doc:"Give it as after for the next page; absent: this was the last"`
	}
}

type deviceInput struct {
	Device string `path:"device" maxLength:"256" doc:"Any spelling of the number" example:"1001"`
}

type deviceOutput struct{ Body live.Device }

func (s *Server) deviceOperations() {
	huma.Register(s.api, huma.Operation{
		OperationID: "list-devices", Method: http.MethodGet, Path: "/api/v1/devices", Summary: "List devices", Tags: []string{"Devices"},
	}, s.listDevices)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-device", Method: http.MethodGet, Path: "/api/v1/devices/{device}", Summary: "One device", Tags: []string{"Devices"},
		Errors: []int{404},
	}, s.getDevice)
}

func (s *Server) listDevices(_ context.Context, in *devicesInput) (*devicesOutput, error) {
	out := &devicesOutput{}
	out.Body.Devices = []live.Device{}
	all := s.board.Devices(who())
	from, found := slices.BinarySearchFunc(all, csta.DeviceID(in.After), func(d switchboard.DeviceInfo, after csta.DeviceID) int {
		return strings.Compare(string(d.ID), string(after))
	})
	if found {
		from++
	}
	var page []switchboard.DeviceInfo
	for _, d := range all[from:] {
		if !matches(d, in) {
			continue
		}
		if len(page) == in.Limit {
			out.Body.Next = page[len(page)-1].ID
			break
		}
		page = append(page, d)
	}
	ids := make([]csta.DeviceID, len(page))
	for i, d := range page {
		ids[i] = d.ID
	}
	state, _ := s.board.Snapshot(who(), switchboard.Filter{Devices: ids})
	for _, d := range page {
		out.Body.Devices = append(out.Body.Devices, live.DeviceOf(d, state))
	}
	return out, nil
}

func matches(d switchboard.DeviceInfo, in *devicesInput) bool {
	if in.Kind != "" && live.DeviceOf(switchboard.DeviceInfo{Device: d.Device}, stateless).Kind != in.Kind {
		return false
	}
	q := strings.ToLower(in.Query)
	return q == "" || strings.Contains(strings.ToLower(d.Name), q) || strings.Contains(string(d.ID), q) ||
		slices.ContainsFunc(d.Aliases, func(a string) bool { return strings.Contains(a, q) })
}

func (s *Server) getDevice(_ context.Context, in *deviceInput) (*deviceOutput, error) {
	id, err := s.board.Resolve(in.Device)
	if err != nil {
		return nil, refused(err)
	}
	d, ok := s.board.Device(who(), id)
	if !ok {
		return nil, refused(csta.ErrInvalidDeviceID)
	}
	state, _ := s.board.Snapshot(who(), switchboard.Filter{Devices: []csta.DeviceID{id}})
	return &deviceOutput{Body: live.DeviceOf(d, state)}, nil
}
