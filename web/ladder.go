package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/web/access"
)

// Message is one line of a call's ladder.
type Message struct {
	At        time.Time     `json:"at"`
	Layer     string        `json:"layer" enum:"sip,csta,pbx,event" doc:"event: what farhook itself told of it, as CSTA"`
	Direction string        `json:"direction" enum:"in,out" doc:"in: to farhook"`
	Peer      string        `json:"peer,omitempty" doc:"Address of the SIP or CSTA peer, or name of the PBX"`
	Session   string        `json:"session,omitempty" doc:"Call-ID of the dialog"`
	Line      csta.DeviceID `json:"line,omitempty"`
	Trace     string        `json:"trace,omitempty" doc:"Of the request that caused it"`
	Carrier   string        `json:"carrier,omitempty" doc:"How it travels" example:"INFO 12"`
	Says      string        `json:"says,omitempty" doc:"What it says, in short" example:"DeliveredEvent 1001 → 1002"`
	Why       string        `json:"why,omitempty" doc:"Its cause, where it says something"`
	Text      string        `json:"text,omitempty" doc:"As on the wire, without secrets"`
	Cut       int           `json:"cut,omitempty" doc:"Octets that are not kept of it"`
}

// Ladder is everything that was said of a call.
type Ladder struct {
	Calls    []csta.CallID `json:"calls" doc:"The names of the call, and of those it was joined with"`
	Numbers  string        `json:"numbers" enum:"full,masked" doc:"masked: of each number only the last two digits"`
	Hidden   string        `json:"hidden,omitempty" doc:"Why the texts of the PBX's messages are left out"`
	Messages []Message     `json:"messages" nullable:"false" doc:"Oldest first"`
}

type ladderInput struct {
	Call    csta.CallID `path:"call" maxLength:"128"`
	Numbers string      `query:"numbers" enum:"full,masked" doc:"full takes the right to see all parties of all devices, and is the default for who has it"`
}

type ladderOutput struct{ Body Ladder }

type ladderTextOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// maxLadder is how many messages a ladder has at most: the newest.
const maxLadder = 5000

func (s *Server) ladderOperations() {
	ladder := func(id, path, summary string) op {
		return op{
			id: id, method: http.MethodGet, path: path, summary: summary, tag: "Calls", scope: access.Administer, errors: []int{404, 501}, reveals: true,
			about: "Every SIP, CSTA and PBX message of the call, and what was told of it, as far as the wiretap and the journal still have them; also of calls that have ended. " +
				"Numbers are masked for who may not see all parties. Where a party hides its number, the texts of the PBX's messages are left out for everybody.",
		}
	}
	register(s, ladder("call-ladder", "/api/v1/calls/{call}/ladder", "A call's messages, in order"), func(ctx context.Context, in *ladderInput) (*ladderOutput, error) {
		l, _, err := s.ladder(ctx, in)
		return &ladderOutput{l}, err
	})
	register(s, ladder("call-ladder-text", "/api/v1/calls/{call}/ladder.txt", "A call's messages, drawn as a ladder"), func(ctx context.Context, in *ladderInput) (*ladderTextOutput, error) {
		_, records, err := s.ladder(ctx, in)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := wiretap.Ladder(&b, records, wiretap.LadderOptions{Width: 160, Bodies: true}); err != nil {
			return nil, s.fault(ctx, err)
		}
		return &ladderTextOutput{"text/plain; charset=utf-8", `attachment; filename="ladder.txt"`, b.Bytes()}, nil
	})
}

// ladder gathers what was said of a call, fit for who asks.
func (s *Server) ladder(ctx context.Context, in *ladderInput) (Ladder, []wiretap.Record, error) {
	if s.conf.Tap == nil {
		return Ladder{}, nil, wrong(ctx, http.StatusNotImplemented, "this gateway has no wiretap")
	}
	permitted := access.From(ctx).AllParties()
	if in.Numbers == "full" && !permitted {
		return Ladder{}, nil, wrong(ctx, http.StatusForbidden, "numbers: full takes the scope "+string(access.ObserveParties)+" for all devices")
	}
	story := s.board.Story(in.Call)
	records := s.conf.Tap.Find(wiretap.Filter{Call: in.Call, Also: story.Names[1:], Limit: maxLadder})
	if len(records)+len(story.Entries) == 0 {
		return Ladder{}, nil, refused(ctx, csta.ErrInvalidCallID.With(fmt.Errorf("nothing is kept of a call %q", in.Call)))
	}
	l := Ladder{Calls: story.Names, Numbers: "full", Messages: []Message{}}
	switch {
	case story.Withheld:
		l.Hidden = "a party hides its number"
	case !story.Known:
		l.Hidden = "it is no longer known whether a party hides its number"
	}
	for i := range records {
		if l.Hidden != "" && records[i].Layer == wiretap.PBX {
			records[i].Text, records[i].Cut = nil, 0
		}
	}
	for _, e := range story.Entries {
		records = append(records, wiretap.Record{
			At: e.Came, Layer: wiretap.CSTA, Direction: wiretap.Out, Peer: told, Calls: e.Calls, Trace: e.Trace, Text: csta.Encode(nil, e.Event, csta.Ed3),
		})
	}
	slices.SortStableFunc(records, func(a, b wiretap.Record) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	records = records[max(0, len(records)-maxLadder):]
	if in.Numbers == "masked" || !permitted {
		l.Numbers = "masked"
		m := s.masker(story)
		for i := range records {
			records[i].Text, records[i].Line = []byte(m.mask(string(records[i].Text))), csta.DeviceID(m.mask(string(records[i].Line)))
		}
	}
	for _, r := range records {
		l.Messages = append(l.Messages, messageOf(r))
	}
	return l, records, nil
}

// told is the peer of what the journal has.
const told = "events"

func messageOf(r wiretap.Record) Message {
	said := r.Says()
	m := Message{
		At: r.At, Layer: r.Layer.String(), Direction: r.Direction.String(), Peer: r.Peer, Session: r.Session, Line: r.Line,
		Carrier: said.Carrier, Says: said.What, Why: said.Why, Text: strings.ToValidUTF8(string(r.Text), "\ufffd"), Cut: r.Cut,
	}
	if r.Peer == told {
		m.Layer, m.Peer = "event", ""
	}
	if !r.Trace.IsZero() {
		m.Trace = r.Trace.String()
	}
	return m
}

// masker hides numbers in the texts of one call's messages.
type masker struct {
	short *regexp.Regexp // numbers of devices in the call that are too short to be known as such; nil: there are none
}

// digits is what may be a number, behind (in its one group) what has digits and is none: ids, times, addresses.
var digits = regexp.MustCompile(`([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?|\b1[0-9]{9}\.\d{1,6}\b|` +
	`(?:\d{1,3}\.){3}\d{1,3})|\+?\d(?:[-().]?\d){3,}`)

// masker knows the short numbers of a call.
func (s *Server) masker(story switchboard.CallStory) masker {
	seen := map[string]bool{}
	for _, e := range story.Entries {
		for _, a := range e.Audience {
			if d, ok := s.board.Device(access.Gateway, a.Device); ok {
				for _, n := range append(d.Aliases, strings.TrimPrefix(string(d.ID), "tel:")) {
					if n = strings.TrimPrefix(n, "+"); len(n) < 4 && strings.Trim(n, "0123456789*#") == "" && len(n) > 1 {
						seen[regexp.QuoteMeta(n)] = true
					}
				}
			}
		}
	}
	if len(seen) == 0 {
		return masker{}
	}
	var all []string
	for n := range seen {
		all = append(all, n)
	}
	return masker{regexp.MustCompile(`\b(?:` + strings.Join(all, "|") + `)\b`)}
}

func (m masker) mask(text string) string {
	b := []byte(text)
	for _, at := range digits.FindAllSubmatchIndex(b, -1) {
		if at[2] < 0 {
			copy(b[at[0]:], numbering.Masked(string(b[at[0]:at[1]])))
		}
	}
	text = string(b)
	if m.short != nil {
		text = m.short.ReplaceAllStringFunc(text, func(n string) string { return strings.Repeat("x", len(n)) })
	}
	return text
}
