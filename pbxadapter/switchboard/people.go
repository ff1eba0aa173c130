package switchboard

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"farhook/csta"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
)

// People is a directory whose lines have been found among the devices of one board: it's given to the board and to its policy. Its methods may be called
// concurrently; a nil one knows nobody.
type People struct {
	directory *directory.Directory
	now       atomic.Pointer[census]

	mu      sync.Mutex
	changed chan struct{}
}

// census is who owns which device. It never changes.
type census struct {
	index  *index // from which it was made; nil: from none
	view   *directory.View
	owners map[csta.DeviceID][]*directory.Person
	lines  map[csta.DeviceID]string // as the directory spells the line
	found  map[string]csta.DeviceID // the device of each line, by its spelling
	// Lines that no PBX has told while not all have told theirs: they are at their canonical numbers until then.
	expected map[csta.DeviceID]bool
}

// NewPeople makes them of a directory, which its owner loads and runs.
func NewPeople(d *directory.Directory) *People {
	p := &People{directory: d, changed: make(chan struct{})}
	p.now.Store(&census{view: d.View()})
	return p
}

// Changed is closed when a line may have got other owners or delegates; the next call gives a new channel.
func (p *People) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// Owns says whether a device is one of a user's own lines.
func (p *People) Owns(user string, d csta.DeviceID) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(p.now.Load().owners[d], func(o *directory.Person) bool { return o.User == user })
}

// ActsFor says whether a device is a line of somebody who has made a user his delegate.
func (p *People) ActsFor(user string, d csta.DeviceID) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(p.now.Load().owners[d], func(o *directory.Person) bool { return slices.Contains(o.Delegates, user) })
}

// has says whether a user is somebody.
func (p *People) has(user string) bool {
	_, ok := p.now.Load().view.User(user)
	return ok
}

// rebuild finds the lines among the devices. A line whose device isn't there now stays where it was: a PBX that is being set up anew takes nobody's
// right away. As long as not all PBXs have told their devices, a line without one is at its canonical number.
func (p *People) rebuild(ix *index) {
	if p == nil {
		return
	}
	before, view := p.now.Load(), p.directory.View()
	if before.view == view && ix.sameNumbers(before.index) {
		return // a phone has changed, and no number
	}
	c := &census{
		index: ix, view: view, owners: make(map[csta.DeviceID][]*directory.Person), lines: make(map[csta.DeviceID]string), found: make(map[string]csta.DeviceID),
		expected: make(map[csta.DeviceID]bool),
	}
	for i := range c.view.People {
		o := &c.view.People[i]
		for _, line := range o.Lines {
			d, ok := before.found[line]
			if dev, err := ix.resolve(line); err == nil && dev != nil {
				d, ok = dev.ID, true
			}
			if ok {
				c.found[line] = d
			} else if d, ok = ix.expects(line); ok {
				c.expected[d] = true
			} else {
				continue
			}
			c.owners[d] = append(c.owners[d], o)
			if _, first := c.lines[d]; !first {
				c.lines[d] = line
			}
		}
	}
	p.now.Store(c)
	same := maps.EqualFunc(before.owners, c.owners, func(a, b []*directory.Person) bool {
		return slices.EqualFunc(a, b, func(x, y *directory.Person) bool { return x.User == y.User && slices.Equal(x.Delegates, y.Delegates) })
	})
	if same {
		return
	}
	p.mu.Lock()
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
}

// expects says whether a spelling is a line of the directory that a PBX may still tell, and as which device.
func (p *People) expects(spelling string) (csta.DeviceID, bool) {
	if p == nil {
		return "", false
	}
	n, err := numbering.Parse(spelling)
	if err != nil {
		return "", false
	}
	d := n.Dialled()
	return d, p.now.Load().expected[d]
}

// person is whom a device or a number means.
func (p *People) person(d csta.DeviceID) *directory.Person {
	if p == nil || d == "" {
		return nil
	}
	c := p.now.Load()
	if list := c.owners[d]; len(list) > 0 {
		return list[0]
	}
	o, _ := c.view.Number(string(d))
	return o
}

// Who is somebody, as others see him.
type Who struct {
	User, Name, Mail, Department string
	Numbers                      []string // lines and aliases, as the directory spells them
}

// Who finds whose a device or a number is: a line's owner, or whoever else has the number. false: nobody's that is known, or several people's.
func (b *Board) Who(d csta.DeviceID) (Who, bool) {
	o := b.people.person(d)
	if o == nil {
		return Who{}, false
	}
	return Who{User: o.User, Name: o.Name, Mail: o.Mail, Department: o.Department, Numbers: slices.Concat(o.Lines, o.Aliases)}, true
}

// Name is what people call the owner of a device or a number; empty where nobody knows.
func (b *Board) Name(d csta.DeviceID) string {
	if o := b.people.person(d); o != nil {
		return o.Name
	}
	return ""
}

// Spelled is how a device is written for those who haven't named it themselves: a line by the very text that the directory has for it, by which a
// client finds its owner in the address book; all else canonically.
func (b *Board) Spelled(d csta.DeviceID) string {
	if b.people != nil {
		if s, ok := b.people.now.Load().lines[d]; ok {
			return s
		}
	}
	return string(d)
}

// LineOf is a user's main line, as the directory spells it: where his client signs in without naming one. false: he has none.
func (b *Board) LineOf(user string) (string, bool) {
	if b.people == nil {
		return "", false
	}
	o, ok := b.people.now.Load().view.User(user)
	if !ok || len(o.Lines) == 0 {
		return "", false
	}
	return o.Lines[0], true
}

// Whose names the owners of a device, for logs and audit; empty where the directory knows none.
func (b *Board) Whose(d csta.DeviceID) string {
	if b.people == nil {
		return ""
	}
	var names []string
	for _, o := range b.people.now.Load().owners[d] {
		names = append(names, cmp.Or(o.User, o.Name))
	}
	return strings.Join(names, ", ")
}

// RightsChanged is closed when rights may have changed; the next call gives a new channel.
func (b *Board) RightsChanged() <-chan struct{} { return b.policy.Changed() }

// User is a user's address as policies and the directory compare it: sip:alice@example.com, in lower case, without parameters. What is no address stays.
func User(address string) string {
	if a := directory.Address(address); a != "" {
		return a
	}
	return address
}

// Directory is the newest view of the directory; nil: there is none.
func (b *Board) Directory() *directory.View {
	if b.people == nil {
		return nil
	}
	return b.people.directory.View()
}
