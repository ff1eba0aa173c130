package asterisk

import (
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
)

// phoneEntry is one phone of the PBX, as its configuration and its registration tell.
type phoneEntry struct {
	endpoint                 string
	number                   string // as Asterisk dials it
	device                   csta.DeviceID
	name                     string
	context                  string // the dialplan context of its class of service; empty: not known yet
	mailbox                  string
	agent                    string // User-Agent of its registration
	style                    Style
	callGroups, pickupGroups []string
}

// book is who there is, and what their numbers mean.
type book struct {
	numbers   pbxadapter.Numbers
	preset    preset
	endpoints map[string]*phoneEntry
	phones    map[csta.DeviceID]*phoneEntry
	native    map[string]*phoneEntry // by number
	mailboxes map[string]*phoneEntry
	groups    map[csta.DeviceID]*groupEntry
	queues    map[string]*groupEntry // by Asterisk's name
}

func newBook(n pbxadapter.Numbers, p preset) *book {
	return &book{
		numbers: n, preset: p, endpoints: map[string]*phoneEntry{}, phones: map[csta.DeviceID]*phoneEntry{}, native: map[string]*phoneEntry{},
		mailboxes: map[string]*phoneEntry{},
	}
}

// add enters a phone.
func (b *book) add(p *phoneEntry) {
	if p.device == "" {
		p.device = b.numbers.Canonical(p.number, pbxadapter.Called)
	}
	if p.device == "" {
		p.device = csta.DeviceID(p.number)
	}
	b.endpoints[p.endpoint], b.phones[p.device], b.native[p.number] = p, p, p
	if p.mailbox != "" {
		b.mailboxes[p.mailbox] = p
	}
}

// dialled is the device of a number as the PBX dials it; empty for what is no number.
func (b *book) dialled(native string) csta.DeviceID {
	native = known(native)
	if p := b.native[native]; p != nil {
		return p.device
	}
	if native == "" || native == "s" || native == "h" || native == "i" || native == "t" {
		return ""
	}
	if d := b.numbers.Canonical(native, pbxadapter.Called); d != "" {
		return d
	}
	return csta.DeviceID(native)
}

// outside is the device of an outside caller's number; empty for what is no number.
func (b *book) outside(native string) csta.DeviceID {
	native = known(native)
	if native == "" || strings.ContainsFunc(native, func(r rune) bool { return (r < '0' || r > '9') && r != '+' && r != '*' && r != '#' }) {
		return ""
	}
	return b.numbers.Canonical(native, pbxadapter.Calling)
}

// name is whose device it is.
func (b *book) name(d csta.DeviceID) string {
	if p := b.phones[d]; p != nil {
		return p.name
	}
	if g := b.groups[d]; g != nil {
		return g.name
	}
	return ""
}

// dial is the number that the PBX is to dial for a device.
func (b *book) dial(d csta.DeviceID) (string, error) {
	if p := b.phones[d]; p != nil {
		return p.number, nil
	}
	n, err := b.numbers.Native(d, pbxadapter.Called)
	if err != nil {
		return "", err
	}
	return n, nil
}

// custom is what a custom device state means: the forwarding type, or empty for do not disturb, and of which phone; nil where it's neither.
func (b *book) custom(device string) (csta.ForwardingType, *phoneEntry) {
	for _, f := range b.preset.features() {
		if f.state == "" {
			continue
		}
		if n, ok := strings.CutPrefix(device, "Custom:"+f.state); ok {
			if p := b.native[n]; p != nil {
				return f.kind, p
			}
		}
	}
	return "", nil
}
