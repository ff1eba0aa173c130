package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/live"
)

// longestNote is how far ahead the end of a note may lie.
const longestNote = 366 * 24 * time.Hour

// NoteText is what is written down.
type NoteText struct {
	Text  string     `json:"text" minLength:"1" maxLength:"500" doc:"Plain text: up to 500 characters, line ends and tabs among them, no other control characters" example:"in a meeting until three"`
	Until *time.Time `json:"until,omitempty" doc:"When it goes by itself, within a year; absent: when somebody takes it away"`
}

type noteInput struct {
	Device string `path:"device" maxLength:"256" doc:"Any spelling of the number" example:"1001"`
}

type setNoteInput struct {
	Device string `path:"device" maxLength:"256" doc:"Any spelling of the number" example:"1001"`
	Body   NoteText
}

type setDeskInput struct{ Body NoteText }

type noteOutput struct{ Body live.Note }

type notesOutput struct {
	Body struct {
		Notes []live.Note `json:"notes" nullable:"false"`
	}
}

const aboutNotes = "A line has one note, and the operator's desk another, for the next shift: who writes one replaces what was there. A line's may be read by who may see its state " +
	"and written by who may control it; the desk's by who may see all parties of all devices. The stream tells every change (kind note), and its snapshot has them all."

func (s *Server) noteOperations() {
	note := func(id, method, path, summary string, scope access.Scope) op {
		o := op{id: id, method: method, path: path, summary: summary, tag: "Notes", scope: scope, errors: []int{404, 501}, about: aboutNotes}
		switch method {
		case http.MethodDelete:
			o.status = http.StatusNoContent
		case http.MethodPut:
			o.errors = append(o.errors, http.StatusBadRequest)
		}
		return o
	}
	const line, desk = "/api/v1/devices/{device}/note", "/api/v1/desk/note"
	register(s, note("list-notes", http.MethodGet, "/api/v1/notes", "All notes that may be read", access.ObserveState), func(ctx context.Context, _ *struct{}) (*notesOutput, error) {
		out := &notesOutput{}
		out.Body.Notes = []live.Note{}
		if s.notes == nil {
			return nil, s.noNotes(ctx)
		}
		eyes := s.eyes(ctx)
		for _, n := range s.notes.all() {
			if eyes.Note(n) {
				out.Body.Notes = append(out.Body.Notes, n)
			}
		}
		return out, nil
	})
	register(s, note("get-note", http.MethodGet, line, "A line's note", access.ObserveState), func(ctx context.Context, in *noteInput) (*noteOutput, error) {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		return s.getNote(ctx, d.ID)
	})
	register(s, note("set-note", http.MethodPut, line, "Write a line's note", access.Control), func(ctx context.Context, in *setNoteInput) (*noteOutput, error) {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		return s.setNote(ctx, d.ID, in.Body)
	})
	register(s, note("delete-note", http.MethodDelete, line, "Take a line's note away", access.Control), func(ctx context.Context, in *noteInput) (*struct{}, error) {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		return nil, s.deleteNote(ctx, d.ID)
	})
	register(s, note("get-desk-note", http.MethodGet, desk, "The desk's note for the next shift", access.ObserveParties), func(ctx context.Context, _ *struct{}) (*noteOutput, error) {
		return s.getNote(ctx, "")
	})
	register(s, note("set-desk-note", http.MethodPut, desk, "Write the desk's note", access.Control), func(ctx context.Context, in *setDeskInput) (*noteOutput, error) {
		return s.setNote(ctx, "", in.Body)
	})
	register(s, note("delete-desk-note", http.MethodDelete, desk, "Take the desk's note away", access.Control), func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		return nil, s.deleteNote(ctx, "")
	})
}

func (s *Server) noNotes(ctx context.Context) error {
	return wrong(ctx, http.StatusNotImplemented, "this gateway keeps no notes")
}

func noSuchNote(ctx context.Context, d csta.DeviceID) error {
	if d == "" {
		return wrong(ctx, http.StatusNotFound, "the desk has no note")
	}
	return wrong(ctx, http.StatusNotFound, fmt.Sprintf("%s has no note", d))
}

func (s *Server) getNote(ctx context.Context, d csta.DeviceID) (*noteOutput, error) {
	if s.notes == nil {
		return nil, s.noNotes(ctx)
	}
	n, ok := s.notes.find(d)
	if !ok || !s.eyes(ctx).Note(live.Note{Device: d}) {
		return nil, noSuchNote(ctx, d)
	}
	return &noteOutput{n}, nil
}

// mayWrite says why the sender may not write a device's note, or the desk's.
func (s *Server) mayWrite(ctx context.Context, d csta.DeviceID) error {
	switch {
	case s.notes == nil:
		return s.noNotes(ctx)
	case d == "" && !s.eyes(ctx).All:
		return noSuchNote(ctx, d) // it is not for those who see some lines only
	case d != "" && !s.board.May(who(ctx), csta.Control, d):
		return refused(ctx, csta.ErrPrivilege.With(fmt.Errorf("%s has no right to control %s, and so to write its note", who(ctx).User, d)))
	}
	return nil
}

func (s *Server) setNote(ctx context.Context, d csta.DeviceID, b NoteText) (*noteOutput, error) {
	if err := s.mayWrite(ctx, d); err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	n := history.Note{Device: d, Text: strings.TrimSpace(b.Text), Changed: now, By: access.From(ctx).ID, Name: access.From(ctx).Name}
	switch {
	case n.Text == "":
		return nil, wrong(ctx, http.StatusBadRequest, "body.text: there is nothing in it")
	case strings.ContainsFunc(n.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return nil, wrong(ctx, http.StatusBadRequest, "body.text: control characters other than line ends (\\n) and tabs are in it")
	case b.Until == nil:
	case !b.Until.After(now) || b.Until.After(now.Add(longestNote)):
		return nil, wrong(ctx, http.StatusBadRequest, fmt.Sprintf("body.until: %s does not lie within a year from now, which is %s", b.Until.Format(time.RFC3339), now.Format(time.RFC3339)))
	default:
		n.Until = b.Until.UTC().Truncate(time.Millisecond)
	}
	out, err := s.notes.put(ctx, who(ctx), n)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	s.noted(ctx, d, "written")
	return &noteOutput{out}, nil
}

func (s *Server) deleteNote(ctx context.Context, d csta.DeviceID) error {
	if err := s.mayWrite(ctx, d); err != nil {
		return err
	}
	was, err := s.notes.remove(ctx, who(ctx), d)
	if err != nil {
		return s.fault(ctx, err)
	}
	if !was {
		return noSuchNote(ctx, d)
	}
	s.noted(ctx, d, "taken away")
	return nil
}

// noted enters the change of a note in the audit record.
func (s *Server) noted(ctx context.Context, d csta.DeviceID, what string) {
	s.audit(ctx, audit.Entry{Act: audit.Noted, Line: string(d), Result: "ok", Detail: what})
}
