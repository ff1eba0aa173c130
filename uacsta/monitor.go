package uacsta

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// monitor is one monitor of a session (ECMA-269, 6.7.2): of a device, or of a call.
type monitor struct {
	id      csta.MonitorID
	edition csta.Edition
	device  csta.DeviceID // "" for a call monitor
	call    csta.CallID   // follows rearrangements
	filter  *csta.MonitorFilter
	from    switchboard.Seq // entries up to it are not for this monitor
	view    callmodel.View  // what it was told
}

// ownService is what the session itself answers; nil for everything else.
func ownService(s csta.Service) func(*session, *openRequest) (csta.Message, error) {
	switch s {
	case "MonitorStart":
		return monitorStart
	case "MonitorStop":
		return monitorStop
	case "ChangeMonitorFilter":
		return changeMonitorFilter
	case "RequestSystemStatus":
		return requestSystemStatus
	case "SystemStatus":
		return systemStatus
	}
	return nil
}

// requestSystemStatus says normal whatever the PBX does: a real client takes anything else as final.
func requestSystemStatus(*session, *openRequest) (csta.Message, error) {
	return csta.RequestSystemStatusResponse{SystemStatus: csta.StatusNormal}, nil
}

func systemStatus(*session, *openRequest) (csta.Message, error) {
	return csta.SystemStatusResponse{}, nil
}

// monitorStart begins a monitor. A second one on the same object takes the place of the first.
func monitorStart(x *session, o *openRequest) (csta.Message, error) {
	r := o.req.(csta.MonitorStart)
	if r.MonitorType != "" && (r.MonitorType == csta.MonitorTypeCall) != (r.MonitorObject.CallObject != nil) {
		return nil, csta.ErrRequestIncompatible.With("monitorType does not fit the monitorObject")
	}
	m := &monitor{edition: o.edition, filter: r.RequestedMonitorFilter}
	if c := r.MonitorObject.CallObject; c != nil {
		call, ok := x.server.board.Call(x.who, c.Call)
		if !ok {
			return nil, csta.ErrInvalidCallID.With(fmt.Errorf("there is no call %q", c.Call))
		}
		m.call = call.ID
	} else {
		d, err := x.server.board.Resolve(string(r.MonitorObject.DeviceObject))
		if err != nil {
			return nil, err
		}
		if !x.server.board.May(x.who, csta.Observe, d) {
			return nil, csta.ErrPrivilege.With(fmt.Errorf("%s may not observe %s", x.who.User, d))
		}
		m.device = d
		x.spells(d, string(r.MonitorObject.DeviceObject))
	}
	same := func(p *monitor) bool { return p.device == m.device && p.call == m.call }
	if i := slices.IndexFunc(x.monitors, same); i >= 0 {
		x.change(func(list []*monitor) []*monitor { return slices.Delete(list, i, i+1) })
		x.server.counts.monitors.Add(-1)
	} else if len(x.monitors) >= x.server.conf.Monitors {
		return nil, csta.ErrMonitorLimit.With(fmt.Errorf("the session has %d monitors", len(x.monitors)))
	}
	m.id = x.server.monitorID()
	if x.cursor == nil {
		x.cursor = x.server.board.Follow(x.who, switchboard.Now, switchboard.Filter{}, func() { x.post(mail{kind: woken}) })
	}
	if m.device != "" {
		m.from = x.cursor.Watch(m.device)
		s, _ := x.server.board.Snapshot(x.who, switchboard.Filter{Devices: []csta.DeviceID{m.device}})
		m.view.CatchUp(m.device, s, time.Now()) // what stands is known, not told
	} else {
		m.from = x.cursor.WatchCall(m.call)
	}
	x.change(func(list []*monitor) []*monitor { return append(list, m) })
	x.server.counts.monitors.Add(1)
	return csta.MonitorStartResponse{MonitorCrossRefID: m.id, ActualMonitorFilter: m.filter, MonitorExistingCalls: new(true)}, nil
}

// monitorID is a reference that is never used again, and carries this node's tag.
func (s *Server) monitorID() csta.MonitorID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.monitors++
	return csta.MonitorID("m-" + s.node + "-" + strconv.FormatUint(s.monitors, 36))
}

func (x *session) monitor(id csta.MonitorID) (int, error) {
	i := slices.IndexFunc(x.monitors, func(m *monitor) bool { return m.id == id })
	if i < 0 {
		return i, csta.ErrInvalidMonitor.With(fmt.Errorf("the session has no monitor %q", id))
	}
	return i, nil
}

func monitorStop(x *session, o *openRequest) (csta.Message, error) {
	i, err := x.monitor(o.req.(csta.MonitorStop).MonitorCrossRefID)
	if err != nil {
		return nil, err
	}
	x.unmonitor(i)
	return csta.MonitorStopResponse{}, nil
}

// unmonitor ends a monitor; the client is not told.
func (x *session) unmonitor(i int) {
	m := x.monitors[i]
	x.change(func(list []*monitor) []*monitor { return slices.Delete(list, i, i+1) })
	x.server.counts.monitors.Add(-1)
	if m.device != "" {
		x.cursor.Unwatch(m.device)
	} else {
		x.cursor.UnwatchCall(m.call)
	}
}

func changeMonitorFilter(x *session, o *openRequest) (csta.Message, error) {
	r := o.req.(csta.ChangeMonitorFilter)
	i, err := x.monitor(r.MonitorCrossRefID)
	if err != nil {
		return nil, err
	}
	x.monitors[i].filter = r.RequestedFilterList
	return csta.ChangeMonitorFilterResponse{ActualFilterList: r.RequestedFilterList}, nil
}
