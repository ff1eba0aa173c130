package switchboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Code is a number of a PBX's own dialplan that stands for something at a line: digits, * and #, with {extension} where the line's extension goes, such as
// *98{extension}. An empty one is none.
type Code string

// Codes are those that a PBX has.
type Codes struct {
	Voicemail           Code // the line's voicemail: a caller who gets there may leave a message
	ThroughDoNotDisturb Code // the line, also where it doesn't want to be disturbed
}

const (
	extensionMark = "{extension}"
	maxCode       = 20
)

// Check says what is wrong with a code.
func (c Code) Check() error {
	if c == "" {
		return nil
	}
	before, after, ok := strings.Cut(string(c), extensionMark)
	switch own := before + after; {
	case !ok || strings.Contains(after, extensionMark):
		return fmt.Errorf("%q must have {extension} in it, once: there goes the line's extension", string(c))
	case own == "":
		return fmt.Errorf("%q is the line itself: a code has digits, * or # beside {extension}, such as *98{extension}", string(c))
	case strings.Trim(own, "0123456789*#") != "":
		return fmt.Errorf("%q: a code has digits, * and # only beside {extension}, such as *98{extension}", string(c))
	case len(own) > maxCode:
		return fmt.Errorf("%q: a code has at most %d digits beside {extension}", string(c), maxCode)
	}
	return nil
}

// at is the code's number for an extension; empty where there is none.
func (c Code) at(extension string) csta.DeviceID {
	if c == "" || extension == "" {
		return ""
	}
	return csta.DeviceID(strings.Replace(string(c), extensionMark, extension, 1))
}

// extension is what a number of this code's stands for; empty where it is none.
func (c Code) extension(number string) string {
	before, after, ok := strings.Cut(string(c), extensionMark)
	if !ok || len(number) <= len(before)+len(after) || !strings.HasPrefix(number, before) || !strings.HasSuffix(number, after) {
		return ""
	}
	return number[len(before) : len(number)-len(after)]
}

// extension is the shortest of the numbers by which a PBX's own people call a phone; empty where it has none.
func (d *device) extension() string {
	if d.Kind != pbxadapter.Phone {
		return ""
	}
	own := d.Aliases
	if id := string(d.ID); id != "" && strings.Trim(id, "0123456789*#") == "" { // no rule makes another number of it
		own = append([]string{id}, own...)
	}
	if len(own) == 0 {
		return ""
	}
	return slices.MinFunc(own, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
}

func (l *link) codes() Codes { return l.works.Load().codes }

// through finds the device that a number calls through its do not disturb, on whichever PBX.
func (ix *index) through(number csta.DeviceID) *device {
	for _, l := range ix.coded {
		extension := l.codes().ThroughDoNotDisturb.extension(string(number))
		if extension == "" {
			continue
		}
		if d, err := ix.resolve(extension); err == nil && d != nil && d.link == l {
			return d
		}
	}
	return nil
}

// Through is the number by which a phone calls another one through its do not disturb. operation/serviceNotSupported, with the reason, where there is none.
func (b *Board) Through(calling, called csta.DeviceID) (csta.DeviceID, error) {
	ix := b.index.Load()
	from, to := ix.byID[calling], ix.byID[called]
	if from == nil || to == nil {
		return "", csta.ErrInvalidCalledDeviceID.With(fmt.Errorf("calledDirectoryNumber: %s is no line of the PBX's, and has no do not disturb that could be called through", called))
	}
	number := to.link.codes().ThroughDoNotDisturb.at(to.extension())
	switch {
	case to.link.codes().ThroughDoNotDisturb == "":
		return "", csta.ErrServiceNotSupported.With(fmt.Errorf("PBX %s has no code for calling through a do not disturb (codes.through_do_not_disturb in its configuration)", to.link.name))
	case number == "":
		return "", csta.ErrServiceNotSupported.With(fmt.Errorf("%s has no extension by which it could be called through its do not disturb", called))
	case from.link != to.link:
		return "", csta.ErrServiceNotSupported.With(fmt.Errorf("%s is on PBX %s, and %s on PBX %s: the code for calling through a do not disturb is known to its own PBX only",
			calling, from.link.name, called, to.link.name))
	}
	return number, nil
}
