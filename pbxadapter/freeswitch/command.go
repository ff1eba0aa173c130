package freeswitch

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Commands are lines of text in which a comma, a bar, a brace or a line end means something. So nothing gets into one but what is of a
// class of characters that means nothing: numbers by the whitelist, ids and names by their own.

// never are the characters that no whitelist may hold: they end a value, name a variable, or begin something else.
const never = ",|{}[]()<>$'\"`\\^&;=%~ \t\r\n\x00"

// whitelist is the set of characters of a number that may be dialled.
type whitelist string

const defaultWhitelist whitelist = "0123456789*#+"

// maxNumber is the longest number that is dialled.
const maxNumber = 64

func (w whitelist) check(number string) error {
	switch i := strings.IndexFunc(number, func(r rune) bool { return !strings.ContainsRune(string(w), r) }); {
	case number == "":
		return fmt.Errorf("there is no number")
	case len(number) > maxNumber:
		return fmt.Errorf("a number of %d characters: at most %d", len(number), maxNumber)
	case i >= 0:
		return fmt.Errorf("the number %q: only %s may be dialled", clip(number), w)
	}
	return nil
}

// isID says whether s is an id of a leg or a job, as the PBX makes them.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-_.") == ""
}

// isName says whether s may stand as a name in a command: user, domain, context, room.
func isName(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsAny(s, never) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// shown is a person's name as it may be shown at a phone: letters, digits, spaces and a little more.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(",|{}[]()<>$'\"`\\^&;=%~", r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 64 {
		s = string(r[:64])
	}
	return strings.TrimSpace(s)
}

// line checks the last time that a command is one line: what it is made of has been checked before, so this fails only for a mistake of ours.
func line(command string) error {
	if command == "" || strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("freeswitch: the command %q is not one line", clip(command))
	}
	return nil
}

// header is one header of an event that we send.
type header struct{ name, value string }

// sendEvent is the text that has the PBX fire an event. Headers with an empty value are left out: the PBX would drop them.
func sendEvent(name string, headers ...header) (string, error) {
	var b strings.Builder
	b.WriteString("sendevent " + name)
	for _, h := range headers {
		if h.value == "" {
			continue
		}
		if err := line(h.name + h.value); err != nil {
			return "", err
		}
		b.WriteString("\n" + h.name + ": " + h.value)
	}
	return b.String(), nil
}

// newID is a new leg's or job's id, as the PBX makes them (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// failed says whether an answer is a refusal.
func failed(answer string) bool {
	return strings.HasPrefix(answer, "-ERR") || strings.HasPrefix(answer, "-USAGE") || strings.HasPrefix(answer, "error/")
}

// noReply is what the PBX answers for a command that prints nothing: a key that is not set.
const noReply = "-ERR no reply"
