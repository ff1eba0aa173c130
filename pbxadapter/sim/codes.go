package sim

import (
	"strconv"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// The codes of the simulated dialplan: each with an extension behind it.
const (
	voicemailCode = "*98" // the extension's voicemail
	throughCode   = "*99" // the extension, though it doesn't want to be disturbed
)

// How long a voicemail takes.
const (
	greets  = time.Second     // until it answers
	message = 3 * time.Second // until what was said is a message
)

// coded is the line that a number with a code stands for; empty: it is no such number.
func (p *PBX) coded(number csta.DeviceID, code string) csta.DeviceID {
	text, ok := strings.CutPrefix(strings.TrimPrefix(string(number), "tel:"), code)
	ext, err := strconv.Atoi(text)
	if !ok || err != nil || !p.has(ext) || strconv.Itoa(ext) != text {
		return ""
	}
	return line(ext)
}

// record lets a voicemail answer a call. Who stays for a while has left a message, and the lamp of the line says so; its owner hears his messages, and has none
// any more.
func (p *PBX) record(c *call, to csta.DeviceID, cause csta.EventCause) {
	owner := p.coded(to, voicemailCode)
	if c.leg(to) != nil {
		p.fail(c, to, csta.CauseBusy)
		return
	}
	l := p.add(c, to)
	l.party = p.shown(to)
	p.move(l, csta.Alerting, cause)
	l.timers = append(l.timers, p.after(greets, func() {
		p.answer(l)
		l.timers = append(l.timers, p.after(message, func() {
			waiting := callmodel.MessageWaiting{On: c.leg(owner) == nil}
			set(p, owner, waiting, func(callmodel.MessageWaiting) bool { return true })
		}))
	}))
}
