// Package directory knows who there is: whose line is which, who may act for whom, and what people are called. It reads files and LDAP, and keeps the last
// good copy of each source on disk, so that a dead one never stops phones at start.
//
// Order and loss: a View never changes. Whoever asks for one gets the newest that is complete; a source that fails, or that suddenly knows nobody, leaves
// what it told last.
package directory

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"farhook/pbxadapter/numbering"
)

// Person is somebody, with lines and other numbers. Users are addresses as Address gives them.
type Person struct {
	User       string   `json:"user,omitempty"` // sip:alice@example.com; empty: known by number only
	Name       string   `json:"name,omitempty"`
	Lines      []string `json:"lines,omitempty"`   // as administered, to the letter: tel:+15551001;ext=1001
	Aliases    []string `json:"aliases,omitempty"` // other numbers that mean the person: the extension, a mobile phone
	Mail       string   `json:"mail,omitempty"`
	Department string   `json:"department,omitempty"`
	Delegates  []string `json:"delegates,omitempty"` // users who may act for this person
	LineServer string   `json:"lineServer,omitempty"`
	Options    string   `json:"options,omitempty"` // msRTCSIP-OptionFlags, decimal
	From       string   `json:"from,omitempty"`    // where it stands: a line of a file, a DN
}

// Problem is something in a source that can't be used. What else there is of the entry is used.
type Problem struct {
	From, Field, Text string
}

func (p Problem) String() string { return fmt.Sprintf("%s: %s: %s", p.From, p.Field, p.Text) }

// Limits of an entry, in octets.
const (
	maxText   = 256
	maxValues = 64 // lines, aliases, delegates of one person, each
)

// Address is a user's SIP address as it's compared: sip:user@host, in lower case, without parameters, port and display name. Empty: it is none.
func Address(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "?")
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")):
	case !ok:
		rest = s // alice@example.com, as people write it
	default:
		return ""
	}
	user, host, ok := strings.Cut(rest, "@")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !ok || user == "" || host == "" || len(rest) > maxText || strings.ContainsFunc(user+host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`@<>"`, r) }) {
		return ""
	}
	return "sip:" + strings.ToLower(user+"@"+host)
}

// checker cleans what comes from a source.
type checker struct {
	problems []Problem
	more     int // problems beyond those kept
}

const maxProblems = 1000

func (c *checker) wrong(from, field, format string, args ...any) {
	if len(c.problems) >= maxProblems {
		c.more++
		return
	}
	c.problems = append(c.problems, Problem{from, field, fmt.Sprintf(format, args...)})
}

// person cleans an entry. false: nothing is left of it.
func (c *checker) person(p Person) (Person, bool) {
	if p.User != "" {
		if a := Address(p.User); a != "" {
			p.User = a
		} else {
			c.wrong(p.From, "user", "%q is no SIP address such as sip:alice@example.com", clip(p.User))
			p.User = ""
		}
	}
	p.Name = c.text(p.From, "name", p.Name)
	p.Mail = c.text(p.From, "mail", p.Mail)
	p.Department = c.text(p.From, "department", p.Department)
	p.LineServer = c.text(p.From, "line server", p.LineServer)
	p.Options = c.text(p.From, "options", p.Options)
	p.Lines = c.numbers(p.From, "line", p.Lines)
	p.Aliases = c.numbers(p.From, "alias", p.Aliases)
	p.Aliases = slices.DeleteFunc(p.Aliases, func(a string) bool { return slices.Contains(p.Lines, a) })
	if len(p.Delegates) > 0 {
		var list []string
		for _, d := range p.Delegates[:min(len(p.Delegates), maxValues)] {
			if a := Address(d); a != "" {
				list = append(list, a)
			} else {
				c.wrong(p.From, "delegate", "%q is no SIP address", clip(d))
			}
		}
		p.Delegates = list
	}
	return p, p.User != "" || p.Name != "" && len(p.Lines)+len(p.Aliases) > 0
}

// text keeps one line of text.
func (c *checker) text(from, field, s string) string {
	if s == "" {
		return ""
	}
	switch {
	case len(s) > maxText:
		c.wrong(from, field, "it has %d octets, %d are allowed", len(s), maxText)
		return ""
	case !utf8.ValidString(s):
		c.wrong(from, field, "it is not UTF-8")
		return ""
	case strings.ContainsFunc(s, unicode.IsControl):
		c.wrong(from, field, "%q has a control character", clip(s))
		return ""
	}
	return strings.TrimSpace(s)
}

// numbers keeps what is a telephone number.
func (c *checker) numbers(from, field string, all []string) []string {
	if len(all) == 0 {
		return nil
	}
	var good []string
	for i, s := range all {
		if i == maxValues {
			c.wrong(from, field, "there are %d, %d are allowed", len(all), maxValues)
			break
		}
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if _, err := number(s); err != nil {
			c.wrong(from, field, "%q: %v", clip(s), err)
			continue
		}
		if !slices.Contains(good, s) {
			good = append(good, s)
		}
	}
	return good
}

// number reads a number as it's written in directories: +49 (0)30 1234 too, whose (0) is for those who dial it at home.
func number(s string) (numbering.Number, error) {
	if strings.HasPrefix(strings.TrimPrefix(s, "tel:"), "+") {
		s = strings.Replace(s, "(0)", "", 1)
	}
	return numbering.Parse(s)
}

func clip(s string) string { return s[:min(len(s), 80)] }
