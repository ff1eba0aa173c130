package live

import (
	"time"

	"farhook/csta"
)

// Note is what people have noted about a line and whose it is, or for whoever sits at the operator's desk next. Its text is text, whatever it looks like.
type Note struct {
	Device  csta.DeviceID `json:"deviceID,omitempty" doc:"The line that it is about; absent: it is the operator's desk's, for the next shift"`
	Text    string        `json:"text,omitempty" doc:"Plain text; lines may end in it" example:"in a meeting until three"`
	Until   *time.Time    `json:"until,omitempty" doc:"When it goes by itself; absent: when somebody takes it away"`
	Changed time.Time     `json:"changed" doc:"When it was written"`
	By      string        `json:"by,omitempty" doc:"Who wrote it"`
	Ended   bool          `json:"ended,omitempty" doc:"It is gone"`
}

// Note says whether a note may be read: by who may see the state of its line; the desk's by who sees everything.
func (e Eyes) Note(n Note) bool {
	if n.Device == "" {
		return e.All
	}
	return e.State(n.Device)
}

// KeepNotes gives the story its notes: those that there are, for snapshots. A note must be among them, or no more, before the journal tells of it.
// Before anybody follows.
func (s *Story) KeepNotes(all func() []Note) { s.notes = all }

// notesOf are the notes that a viewer may read and asked for.
func (s *Story) notesOf(v Viewer, f Filter) []Note {
	if s.notes == nil || len(f.Devices) == 0 && len(f.Calls) > 0 {
		return nil
	}
	var out []Note
	for _, n := range s.notes() {
		if v.Eyes.Note(n) && f.device(n.Device) {
			out = append(out, n)
		}
	}
	return out
}
