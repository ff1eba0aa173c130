package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

type healthOutput struct {
	Body struct {
		Status  string `json:"status" enum:"ok" doc:"The gateway serves; what its PBX links do, /api/v1/pbxs tells"`
		Version string `json:"version"`
	}
}

type versionOutput struct {
	Body struct {
		Version string `json:"version"`
		Epoch   string `json:"epoch" doc:"Names this process's journal: the first part of a position"`
	}
}

// PBX is one PBX and its link.
type PBX struct {
	Name     string         `json:"name"`
	LinkUp   bool           `json:"linkUp" doc:"Whether the PBX is connected"`
	Synced   bool           `json:"synced" doc:"Whether it has told its state since the gateway began"`
	Lost     *time.Time     `json:"lost,omitempty" doc:"When the link was last lost, or failed to be made; absent: never"`
	Why      string         `json:"why,omitempty" doc:"Why, then"`
	Devices  int            `json:"devices" doc:"How many of its devices the sender may see"`
	Calls    int            `json:"calls" doc:"How many of its calls the sender may see"`
	Services []csta.Service `json:"services" nullable:"false" doc:"What it can carry out"`
}

type pbxsOutput struct {
	Body struct {
		PBXs []PBX `json:"pbxs" nullable:"false"`
	}
}

// Session is one SIP session of a UC client.
type Session struct {
	ID       string          `json:"id" doc:"Call-ID of its dialog"`
	User     string          `json:"user" doc:"Who signed in"`
	Line     csta.DeviceID   `json:"line,omitempty"`
	Peer     string          `json:"peer" doc:"The host that it came by"`
	Since    time.Time       `json:"since"`
	Asked    time.Time       `json:"asked" doc:"When the client last asked for something"`
	Monitors []csta.DeviceID `json:"monitors,omitempty" doc:"Devices that it monitors"`
}

type sessionsInput struct {
	Line  string `query:"line" maxLength:"256" doc:"Only sessions of this line; any spelling"`
	After string `query:"after" maxLength:"256" doc:"Goes on after this id: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"Sessions in one page"`
}

type sessionsOutput struct {
	Body struct {
		Sessions []Session `json:"sessions" nullable:"false"`
		Next     string    `json:"next,omitempty"`
	}
}

func (s *Server) gatewayOperations() {
	register(s, op{
		id: "doctor", method: http.MethodGet, path: "/api/v1/doctor", summary: "Go the way of one user from end to end", tag: "Gateway", scope: access.Administer, errors: []int{501},
	}, s.doctor)
	register(s, op{id: "health", method: http.MethodGet, path: "/api/v1/health", summary: "Whether the gateway serves", tag: "Gateway", scope: open}, s.health)
	register(s, op{
		id: "version", method: http.MethodGet, path: "/api/v1/version", summary: "What runs", tag: "Gateway", scope: access.ObserveState,
	}, s.version)
	register(s, op{
		id: "list-pbxs", method: http.MethodGet, path: "/api/v1/pbxs", summary: "PBXs and their links", tag: "Gateway", scope: access.ObserveState,
	}, s.listPBXs)
	register(s, op{
		id: "list-sessions", method: http.MethodGet, path: "/api/v1/sip-sessions", summary: "SIP sessions of UC clients", tag: "Gateway", scope: access.ObserveState, errors: []int{403, 404},
		about: "Those of a line of one's own may be seen by everybody, the others by administrators.",
	}, s.listSessions)
}

func (s *Server) health(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status, out.Body.Version = "ok", s.conf.Version
	return out, nil
}

func (s *Server) version(context.Context, *struct{}) (*versionOutput, error) {
	out := &versionOutput{}
	out.Body.Version, out.Body.Epoch = s.conf.Version, s.board.Epoch()
	return out, nil
}

func (s *Server) listPBXs(ctx context.Context, _ *struct{}) (*pbxsOutput, error) {
	out := &pbxsOutput{}
	out.Body.PBXs = []PBX{}
	for _, l := range s.board.Links() {
		p := PBX{Name: l.Name, LinkUp: l.Up, Synced: l.Synced, Services: l.Services, Why: l.Why}
		if !l.Lost.IsZero() {
			p.Lost = &l.Lost
		}
		out.Body.PBXs = append(out.Body.PBXs, p)
	}
	at := make(map[csta.DeviceID]string)
	entry := make(map[string]*PBX)
	for i := range out.Body.PBXs {
		entry[out.Body.PBXs[i].Name] = &out.Body.PBXs[i]
	}
	for _, d := range s.board.Devices(who(ctx)) {
		if p := entry[d.PBX]; p != nil { // a reload may have brought it this moment
			at[d.ID] = d.PBX
			p.Devices++
		}
	}
	state, _ := s.board.Snapshot(who(ctx), switchboard.Filter{All: true})
	for _, c := range state.Calls {
		for _, l := range c.Legs {
			if name := at[l.Device]; name != "" {
				entry[name].Calls++
				break
			}
		}
	}
	return out, nil
}

func (s *Server) listSessions(ctx context.Context, in *sessionsInput) (*sessionsOutput, error) {
	out := &sessionsOutput{}
	out.Body.Sessions = []Session{}
	var line csta.DeviceID
	if in.Line != "" {
		d, err := s.device(ctx, in.Line)
		if err != nil {
			return nil, err
		}
		line = d.ID
	}
	if i := access.From(ctx); !i.Has(access.Administer) && (line == "" || !i.Own(line)) {
		return nil, wrong(ctx, http.StatusForbidden, "only administrators may see who is signed in to lines other than their own")
	}
	if s.conf.Sessions == nil {
		return out, nil
	}
	all := s.conf.Sessions(line)
	slices.SortFunc(all, func(a, b Session) int { return strings.Compare(a.ID, b.ID) })
	out.Body.Sessions, out.Body.Next = page(all, func(x Session) string { return x.ID }, in.After, in.Limit)
	return out, nil
}
