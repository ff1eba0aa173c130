package live

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Document is what followers get: by SSE, WebSocket and webhook the same.
type Document struct {
	Type     string          `json:"type" enum:"snapshot,event,gap,heartbeat,end" doc:"snapshot: everything, replaces what was known. event: what happened. gap: what lay before was lost, a snapshot follows. heartbeat: nothing happened up to here. end: the stream is cut"`
	Position string          `json:"position" doc:"epoch.number: after it the follower goes on; after a gap's he gets the snapshot that follows it"`
	At       time.Time       `json:"at" doc:"When it happened, by the gateway's clock"`
	Reason   string          `json:"reason,omitempty" doc:"Of a gap or an end: why"`
	After    string          `json:"after,omitempty" doc:"Of a gap: the position that was asked for"`
	Kind     string          `json:"kind,omitempty" enum:"call,feature,service,note,device" doc:"Of an event: what it is about. device: devices themselves, which are new, other than they were, or gone"`
	Event    string          `json:"event,omitempty" doc:"Name of the CSTA event; what is about notes or devices has none" example:"DeliveredEvent"`
	PBX      string          `json:"pbx,omitempty" doc:"Of an event: where it happened"`
	Body     csta.Event      `json:"body,omitempty" doc:"The event, with the members of ECMA-323; to who may see the parties"`
	Audience []Seat          `json:"audience,omitempty" doc:"Devices that the event is told to, each with the state of its own connection"`
	By       string          `json:"by,omitempty" doc:"Who asked for it, if it was asked for through farhook"`
	Devices  []Device        `json:"devices,omitempty" doc:"In a snapshot all devices; in an event those that are new, or whose features, service or abilities changed"`
	Gone     []csta.DeviceID `json:"gone,omitempty" doc:"Of an event: devices that there are no more"`
	Calls    []Call          `json:"calls,omitempty" doc:"In a snapshot all calls; in an event those that it is about, as they are after it"`
	Notes    []Note          `json:"notes,omitempty" doc:"In a snapshot all notes; in an event the one that was written, or is gone"`
	Part     int             `json:"part,omitempty" doc:"Of a snapshot that was asked for in parts: which one, from 1. All of them together are the snapshot; calls and notes are in the last. The position of those before it is good for nothing but to get the snapshot from its beginning"`
	Parts    int             `json:"parts,omitempty" doc:"Of a snapshot that was asked for in parts: how many there are"`
}

// Seat is one hearer of an event.
type Seat struct {
	Device csta.DeviceID `json:"deviceID"`
	Local  csta.State    `json:"localConnectionInfo,omitempty"`
}

// The kinds of what is told beside the events of PBXs.
const (
	kindNote   = "note"
	kindDevice = "device"
)

// The types of document.
const (
	typeSnapshot  = "snapshot"
	typeEvent     = "event"
	typeGap       = "gap"
	typeHeartbeat = "heartbeat"
	typeEnd       = "end"
)

// Viewer is who follows.
type Viewer struct {
	Principal switchboard.Principal
	Eyes      Eyes
	Done      <-chan struct{} // closed when the rights are no longer what they were; nil: never
	Moved     func() bool     // whether the filter's numbers mean other devices than when it was read; nil: never
}

// Filter is what a follower wants to hear of. Without a list all of it.
type Filter struct {
	Devices []csta.DeviceID
	Calls   []csta.CallID
	Kinds   []string // call, feature, service, note, device, or the names of events
	Part    int      // devices in one document of a snapshot; 0: it is one document
}

// device says whether what is about a device, or about none, is asked for.
func (f Filter) device(d csta.DeviceID) bool {
	return len(f.Devices) == 0 || slices.Contains(f.Devices, d)
}

// Wants says whether an event is of a kind that is asked for.
func (f Filter) Wants(e switchboard.Entry) bool {
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, KindOfEvent(e)) || e.Event != nil && slices.Contains(f.Kinds, e.Event.Element())
}

// KindOfEvent says what an event is about.
func KindOfEvent(e switchboard.Entry) string {
	switch e.Beside.(type) {
	case Note:
		return kindNote
	case switchboard.DevicesChanged:
		return kindDevice
	}
	switch {
	case len(e.Calls) > 0:
		return "call"
	case e.Feature != nil:
		return "feature"
	}
	return "service"
}

// Story tells documents: the same ones to all who follow.
type Story struct {
	board *switchboard.Board
	docs  once
	notes func() []Note // nil: there are none
}

// NewStory tells of a board.
func NewStory(b *switchboard.Board) *Story { return &Story{board: b} }

// Last is the number of what was told last.
func (s *Story) Last() switchboard.Seq { return s.board.Last() }

// At is a position.
func (s *Story) At(n switchboard.Seq) string {
	return s.board.Epoch() + "." + strconv.FormatUint(uint64(n), 10)
}

// owed is the position of a gap: the number begins with a zero, so that whoever was cut off before the snapshot still gets it when he comes back.
func (s *Story) owed(n switchboard.Seq) string {
	return s.board.Epoch() + ".0" + strconv.FormatUint(uint64(n), 10)
}

// Read reads a position. reason says why it is of no use to this journal; empty: it is good. owed: it is a gap's, and a snapshot has to follow.
func (s *Story) Read(position string) (_ switchboard.Seq, owed bool, reason string) {
	i := strings.LastIndexByte(position, '.')
	if i < 0 {
		return switchboard.Now, false, "the position is not epoch.number"
	}
	number := position[i+1:]
	n, err := strconv.ParseUint(number, 10, 62)
	switch {
	case err != nil:
		return switchboard.Now, false, "the position is not epoch.number"
	case position[:i] != s.board.Epoch():
		return switchboard.Now, false, "the position is of another epoch: the gateway was started again"
	case switchboard.Seq(n) > s.board.Last():
		return switchboard.Now, false, "the position lies in the future"
	}
	return switchboard.Seq(n), len(number) > 1 && number[0] == '0', ""
}

// Gap is the document that says that what lay before is lost. It names no position that was asked for: for those who are told without asking.
func (s *Story) Gap(reason string) Document {
	return Document{Type: typeGap, Position: s.owed(s.board.Last()), At: time.Now(), Reason: reason}
}

// Snapshot is everything that a filter lets through.
func (s *Story) Snapshot(v Viewer, f Filter) (Document, switchboard.Seq) {
	state, seq := s.board.Snapshot(v.Principal, f.board())
	d := Document{Type: typeSnapshot, Position: s.At(seq), At: time.Now(), Devices: []Device{}, Calls: []Call{}}
	if len(f.Calls) == 0 || len(f.Devices) > 0 {
		for _, i := range s.board.Devices(v.Principal) {
			if f.device(i.ID) {
				d.Devices = append(d.Devices, DeviceOf(i, state))
			}
		}
	}
	for _, c := range state.Calls {
		d.Calls = append(d.Calls, v.Eyes.Calls(c, s.board.Reference(c.ID))...)
	}
	if len(f.Devices) > 0 {
		for _, id := range f.Calls {
			if c, ok := s.board.Call(v.Principal, id); ok && !slices.ContainsFunc(state.Calls, func(o callmodel.Call) bool { return o.ID == c.ID }) {
				d.Calls = append(d.Calls, v.Eyes.Calls(c, s.board.Reference(c.ID))...)
			}
		}
	} else if len(f.Calls) > 0 {
		d.Calls = []Call{}
		for _, id := range f.Calls {
			if c, ok := s.board.Call(v.Principal, id); ok {
				d.Calls = append(d.Calls, v.Eyes.Calls(c, s.board.Reference(c.ID))...)
			}
		}
	}
	d.Notes = s.notesOf(v, f) // after the state: what the journal told of up to seq is in it
	return d, seq
}

// parts are the documents, of so many devices each, in which a snapshot is told. Those before the last have a gap's position: who is cut off between them gets all of it.
func (s *Story) parts(d Document, seq switchboard.Seq, devices int) []Document {
	n := max(1, (len(d.Devices)+devices-1)/devices)
	all := make([]Document, 0, n)
	for left := d.Devices; len(all) < n-1; left = left[devices:] {
		all = append(all, Document{Type: d.Type, Position: s.owed(seq), At: d.At, Devices: left[:devices], Part: len(all) + 1, Parts: n})
	}
	d.Devices, d.Part, d.Parts = d.Devices[(n-1)*devices:], n, n
	return append(all, d)
}

func (f Filter) board() switchboard.Filter {
	if len(f.Devices) == 0 && len(f.Calls) == 0 {
		return switchboard.Filter{All: true, Beside: true}
	}
	return switchboard.Filter{Devices: f.Devices, Beside: true}
}

// Event is an entry as a viewer may see it. false: nothing of it.
func (s *Story) Event(v Viewer, e switchboard.Entry) (Document, bool) {
	switch b := e.Beside.(type) {
	case Note:
		return Document{Type: typeEvent, Position: s.At(e.Seq), At: e.At, Kind: kindNote, Notes: []Note{b}}, v.Eyes.Note(b)
	case switchboard.DevicesChanged:
		return s.devices(v, e, b)
	}
	d := Document{Type: typeEvent, Position: s.At(e.Seq), At: e.At, Kind: KindOfEvent(e), Event: e.Event.Element(), PBX: e.PBX}
	if !v.Eyes.All && len(e.Calls) > 0 && len(e.Audience) == 0 {
		return d, false // the end of a call is told by its last connection to who sees only some devices
	}
	full := v.Eyes.All || len(e.Calls) == 0
	for _, seat := range e.Audience {
		full = full || v.Eyes.Parties(seat.Device)
	}
	for _, c := range e.After {
		full = full || c != nil && v.Eyes.sees(devicesOf(c)...)
	}
	if full {
		d.Body, d.By = e.Event, e.By.User
	}
	d.Calls = v.Eyes.after(e)
	for _, seat := range e.Audience {
		if full && len(e.Calls) > 0 || v.Eyes.State(seat.Device) {
			d.Audience = append(d.Audience, Seat(seat))
		}
		if len(e.Calls) > 0 {
			continue
		}
		if info, ok := s.board.Device(v.Principal, seat.Device); ok {
			state, _ := s.board.Snapshot(v.Principal, switchboard.Filter{Devices: []csta.DeviceID{seat.Device}})
			d.Devices = append(d.Devices, DeviceOf(info, state))
		}
	}
	return d, v.Eyes.All || len(d.Audience) > 0
}

// Encoded is a document as it travels.
type Encoded struct {
	Type, Position string
	JSON           []byte
}

// Encode makes JSON of a document.
func Encode(d Document) (Encoded, error) {
	b, err := json.Marshal(d)
	return Encoded{d.Type, d.Position, b}, err
}

// told are the events that the call model tells.
var told = []csta.Event{
	csta.ServiceInitiatedEvent{},
	csta.OriginatedEvent{},
	csta.NetworkReachedEvent{},
	csta.OfferedEvent{},
	csta.DeliveredEvent{},
	csta.EstablishedEvent{},
	csta.HeldEvent{},
	csta.RetrievedEvent{},
	csta.QueuedEvent{},
	csta.DivertedEvent{},
	csta.FailedEvent{},
	csta.TransferedEvent{},
	csta.ConferencedEvent{},
	csta.ConnectionClearedEvent{},
	csta.CallClearedEvent{},
	csta.DigitsGeneratedEvent{},
	csta.CallInformationEvent{},
	csta.DoNotDisturbEvent{},
	csta.ForwardingEvent{},
	csta.MessageWaitingEvent{},
	csta.MicrophoneMuteEvent{},
	csta.OutOfServiceEvent{},
	csta.BackInServiceEvent{},
}

// KnownKind says whether a filter's kind is one.
func KnownKind(k string) bool {
	return k == kindNote || k == kindDevice || k == "call" || k == "feature" || k == "service" || slices.ContainsFunc(told, func(e csta.Event) bool { return e.Element() == k })
}

// Events are the events that are told, one of each.
func Events() []csta.Event { return slices.Clone(told) }
