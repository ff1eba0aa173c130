package web

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/web/access"
	"farhook/web/history"
)

// PastQuery is what history is searched for.
type PastQuery struct {
	From      time.Time `query:"from" doc:"Calls that began at this time or later (RFC 3339)"`
	To        time.Time `query:"to" doc:"Calls that began before"`
	Device    string    `query:"device" maxLength:"256" doc:"Calls in which this device took part; any spelling"`
	Number    string    `query:"number" maxLength:"64" doc:"Part of a number of either side"`
	Contact   string    `query:"contact" maxLength:"128" doc:"Calls with this very number; any spelling. It's quick, however many calls there are"`
	Name      string    `query:"name" maxLength:"64" doc:"Part of a name of either side; case, accents, and the two letters for an umlaut are as one likes"`
	Outcome   string    `query:"outcome" enum:"answered,missed,failed,joined,unknown"`
	Missed    string    `query:"missed" maxLength:"256" doc:"Calls that rang on this line, and nobody answered; any spelling"`
	Reference string    `query:"reference" maxLength:"200"`
	By        string    `query:"by" maxLength:"256" doc:"Calls that this session or token made or moved"`
	PBX       string    `query:"pbx" maxLength:"32"`
}

type pastInput struct {
	PastQuery
	After string `query:"after" maxLength:"64" pattern:"^[0-9a-f]{12,}-[0-9A-Z-]{1,16}-[0-9a-f]{6,}$" doc:"Goes on after this id: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Calls in one page"`
}

type csvInput struct{ PastQuery }

type pastOutput struct {
	Body struct {
		Calls []history.Call `json:"calls" nullable:"false"`
		Next  string         `json:"next,omitempty" doc:"Give it as after for the next page; absent: this was the last"`
	}
}

type pastCallOutput struct{ Body history.Call }

type eraseInput struct {
	Body struct {
		Number string `json:"number,omitempty" maxLength:"256" doc:"A number, as history shows it or in any spelling of a device" example:"tel:+4989123456"`
		By     string `json:"by,omitempty" maxLength:"256" doc:"A session or token, as history shows it"`
	}
}

type eraseOutput struct {
	Body struct {
		Calls     int64 `json:"calls" doc:"Entries from which something was erased"`
		Legs      int64 `json:"legs"`
		Documents int64 `json:"documents" doc:"Documents that waited for webhooks, and are gone"`
		Notes     int64 `json:"notes" doc:"Notes about the number or by the user, which are gone"`
	}
}

func (s *Server) pastOperations() {
	register(s, op{
		id: "list-history", method: http.MethodGet, path: "/api/v1/history", summary: "Finished calls, newest first", tag: "History", scope: access.ObserveParties,
		errors: []int{404, 501},
	}, s.listPast)
	register(s, op{
		id: "get-history", method: http.MethodGet, path: "/api/v1/history/{id}", summary: "One finished call", tag: "History", scope: access.ObserveParties, errors: []int{404, 501},
	}, s.getPast)
	register(s, op{
		id: "export-history", method: http.MethodGet, path: "/api/v1/history.csv", summary: "Finished calls as CSV (RFC 4180), newest first", tag: "History",
		scope: access.ObserveParties, errors: []int{404, 501}, about: "It streams: there is no limit.",
	}, s.exportPast)
	register(s, op{
		id: "erase-history", method: http.MethodPost, path: "/api/v1/history/erase", summary: "Erase what is personal of a number or a user", tag: "History",
		scope: access.Administer, errors: []int{400, 501}, about: "The calls stay, as calls of somebody unknown.",
	}, s.erasePast)
}

// query makes a store's query of a request's, narrowed to what the sender may see.
func (s *Server) query(ctx context.Context, in PastQuery) (history.Query, error) {
	q := history.Query{
		From: in.From, To: in.To, Number: in.Number, Name: in.Name, Outcome: in.Outcome, Reference: in.Reference, By: in.By, PBX: in.PBX,
		Devices: access.From(ctx).PartyLines(),
	}
	if s.db == nil {
		return q, wrong(ctx, http.StatusNotImplemented, "this gateway keeps no history")
	}
	if in.Device != "" {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return q, err
		}
		if !access.From(ctx).Parties(d.ID) {
			return q, refused(ctx, csta.ErrPrivilege.With(errors.New("device: to see the parties of its calls takes the scope "+string(access.ObserveParties)+" for it")))
		}
		q.Devices = []csta.DeviceID{d.ID}
	}
	if in.Contact != "" {
		d, err := s.board.Dialled(in.Contact)
		if err != nil {
			return q, refused(ctx, csta.ErrInvalidParameterValue.With("contact: "+err.Error()))
		}
		q.Contact = d
	}
	if in.Missed != "" {
		d, err := s.device(ctx, in.Missed)
		if err != nil {
			return q, err
		}
		q.Missed = d.ID
	}
	return q, nil
}

func (s *Server) listPast(ctx context.Context, in *pastInput) (*pastOutput, error) {
	q, err := s.query(ctx, in.PastQuery)
	if err != nil {
		return nil, err
	}
	q.Before, q.Limit = in.After, in.Limit+1
	list, err := s.db.Search(ctx, q)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	out := &pastOutput{}
	out.Body.Calls = []history.Call{}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Body.Next = list[in.Limit-1].ID
	}
	out.Body.Calls = append(out.Body.Calls, list...)
	return out, nil
}

func (s *Server) getPast(ctx context.Context, in *idInput) (*pastCallOutput, error) {
	if _, err := s.query(ctx, PastQuery{}); err != nil {
		return nil, err
	}
	c, ok, err := s.db.Find(ctx, in.ID)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	if !ok || !access.From(ctx).AllParties() && !sees(ctx, c) {
		return nil, wrong(ctx, http.StatusNotFound, "there is no such entry")
	}
	return &pastCallOutput{Body: c}, nil
}

// sees says whether a line of a past call is one of whose parties the sender may know.
func sees(ctx context.Context, c history.Call) bool {
	for _, l := range c.Legs {
		if access.From(ctx).Parties(l.Device) {
			return true
		}
	}
	return false
}

// columns are those of the CSV, and where each comes from.
var columns = []struct {
	name  string
	value func(history.Call) string
}{
	{"id", func(c history.Call) string { return c.ID }},
	{"callID", func(c history.Call) string { return string(c.CallID) }},
	{"pbx", func(c history.Call) string { return c.PBX }},
	{"began", func(c history.Call) string { return stamp(c.Began) }},
	{"answered", func(c history.Call) string { return stamp(c.Answered) }},
	{"ended", func(c history.Call) string { return stamp(c.Ended) }},
	{"callingNumber", func(c history.Call) string { return string(c.Calling.Number) }},
	{"callingName", func(c history.Call) string { return c.Calling.Name }},
	{"calledNumber", func(c history.Call) string { return string(c.Called.Number) }},
	{"calledName", func(c history.Call) string { return c.Called.Name }},
	{"rangSeconds", func(c history.Call) string { return seconds(c.Rang) }},
	{"talkedSeconds", func(c history.Call) string { return seconds(c.Talked) }},
	{"heldSeconds", func(c history.Call) string { return seconds(c.Held) }},
	{"outcome", func(c history.Call) string { return c.Outcome }},
	{"cause", func(c history.Call) string { return c.Cause }},
	{"transferredBy", func(c history.Call) string { return c.TransferredBy }},
	{"transferredTo", func(c history.Call) string { return c.TransferredTo }},
	{"by", func(c history.Call) string { return c.By }},
	{"reference", func(c history.Call) string { return c.Reference }},
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }

// harmless keeps a spreadsheet from taking a name for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// A CSV reader has this long for so many lines.
const (
	csvAtOnce   = 500
	csvPatience = 30 * time.Second
)

func (s *Server) exportPast(ctx context.Context, in *csvInput) (*huma.StreamResponse, error) {
	q, err := s.query(ctx, in.PastQuery)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/csv; charset=utf-8; header=present")
		hc.SetHeader("Content-Disposition", `attachment; filename="calls.csv"`)
		hc.SetHeader("Cache-Control", "no-store")
		w := csv.NewWriter(hc.BodyWriter())
		w.UseCRLF = true
		_, out := humago.Unwrap(hc)
		control := http.NewResponseController(out)
		line := make([]string, len(columns))
		for i, c := range columns {
			line[i] = c.name
		}
		_ = w.Write(line)
		rows := 0
		err := s.db.Each(hc.Context(), q, func(c history.Call) error {
			if rows%csvAtOnce == 0 { // whoever stops reading is let go
				_ = control.SetWriteDeadline(time.Now().Add(csvPatience))
			}
			rows++
			for i, col := range columns {
				line[i] = harmless(col.value(c))
			}
			return w.Write(line)
		})
		if w.Flush(); err == nil {
			err = w.Error()
		}
		if err != nil {
			s.log.Warn("CSV export ended early", zap.Error(err))
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
	}}, nil
}

func (s *Server) erasePast(ctx context.Context, in *eraseInput) (*eraseOutput, error) {
	if s.db == nil {
		return nil, wrong(ctx, http.StatusNotImplemented, "this gateway keeps no history")
	}
	if (in.Body.Number == "") == (in.Body.By == "") {
		return nil, wrong(ctx, http.StatusBadRequest, "give number or by, one of them")
	}
	number := in.Body.Number
	if d, err := s.board.Resolve(number); err == nil {
		number = string(d)
	}
	e, err := s.db.Erase(ctx, number, in.Body.By)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	notes, err := s.notes.erase(ctx, who(ctx), csta.DeviceID(number), in.Body.By)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	s.log.Info("history erased", zap.String("user", who(ctx).User), zap.Int64("calls", e.Calls), zap.Int64("documents", e.Documents))
	out := &eraseOutput{}
	out.Body.Calls, out.Body.Legs, out.Body.Documents, out.Body.Notes = e.Calls, e.Legs, e.Documents, notes
	return out, nil
}
