package csta

// Template is an event encoded once, with holes for what differs between its hearers. It is immutable.
type Template struct {
	text  []byte
	holes []hole
}

// hole is a place where something is filled in.
type hole struct {
	at     int
	kind   holeKind
	device DeviceID
}

type holeKind uint8

const (
	holeRef holeKind = iota
	holeLocal
	holeDevice
)

// Prepare encodes e for edition ed. The event's own monitorCrossRefID and localConnectionInfo are left open.
func Prepare(e Event, ed Edition) *Template {
	t := &Template{}
	w := writer{holes: &t.holes}
	w.message(e, ed)
	t.text = w.b
	return t
}

// Append writes the event for one hearer: its cross reference, its own state (empty: no localConnectionInfo; ignored by
// events that have none) and its spelling of devices (nil: as they are).
func (t *Template) Append(dst []byte, ref MonitorID, local State, spell func(DeviceID) string) []byte {
	from := 0
	for i := range t.holes {
		h := &t.holes[i]
		dst = append(dst, t.text[from:h.at]...)
		from = h.at
		switch h.kind {
		case holeRef:
			dst = appendEscaped(dst, string(ref))
		case holeLocal:
			if local != "" {
				dst = append(dst, "<localConnectionInfo>"...)
				dst = append(dst, local...)
				dst = append(dst, "</localConnectionInfo>"...)
			}
		case holeDevice:
			d := string(h.device)
			if spell != nil {
				d = spell(h.device)
			}
			dst = appendEscaped(dst, d)
		}
	}
	return append(dst, t.text[from:]...)
}
