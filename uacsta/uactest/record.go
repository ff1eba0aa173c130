package uactest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard/wiretap"
)

// Record makes a conversation of what was recorded in the field: what UC peers sent, what they got, and, where an event told what nobody had asked for, what somebody must have done at a
// phone. Each session that began within the record is a peer; the others are left out, for they can't be played. Names of the gateway's making ($TAGa, $M1, $C1) stand for whatever they
// will be. Numbers, users and addresses are replaced, each by the same wherever it is: lines by tel:+15551001 and on, which are phones of the simulated PBX, others by numbers outside.
// Host names stay as they are. standing are the calls that stood when the record began: they are in a first step for the PBX. What else was set before (forwarding) isn't known: who
// copies the file to the tests adds it there.
func Record(name string, records []wiretap.Record, standing []callmodel.Call) (*File, error) {
	r := recorder{
		file: &File{Name: name, Comments: []string{"recorded: what it shows should stand here"}}, peers: make(map[string]string), values: make(map[string]string),
		numbers: make(map[string]string), users: make(map[string]string), hosts: make(map[string]string), answers: make(map[string]bool), done: make(map[string]bool), cleared: make(map[string]time.Time),
	}
	for _, x := range records {
		if x.Layer != wiretap.SIP {
			continue
		}
		if x.Direction == wiretap.In && bytes.HasPrefix(x.Text, []byte("SIP/2.0 ")) && bytes.Contains(x.Text, []byte(" INFO")) {
			r.answers[x.Session] = true
		}
		if x.Line != "" {
			r.number(onlyDigits(string(x.Line)), true)
		}
	}
	r.ringing(records)
	r.standing(standing)
	steps := len(r.file.Steps)
	for _, x := range records {
		if x.Layer == wiretap.SIP {
			r.message(x)
		}
	}
	if len(r.file.Steps) == steps {
		return nil, errors.New("no session began within the record: there is nothing that could be played")
	}
	return r.file, nil
}

// standing puts the calls that stood into the first step: who dialled whom, who had answered and who held. One that's more than two phones, or of strangers alone, can't be set up so, and a
// comment says that.
func (r *recorder) standing(calls []callmodel.Call) {
	recorded := func(l callmodel.Leg) bool { return r.numbers[onlyDigits(string(l.Device))] != "" }
	phone := func(d csta.DeviceID) (name string, ours bool) {
		r.number(onlyDigits(string(d)), true)
		n, ok := strings.CutPrefix(r.anonymous(string(d)), "tel:+1555")
		return n, ok && len(n) == 4
	}
	var lines []string
	for _, c := range calls {
		if !slices.ContainsFunc(c.Legs, recorded) || slices.ContainsFunc(c.Legs, func(l callmodel.Leg) bool { return l.Kind == callmodel.Network }) {
			continue
		}
		if len(c.Legs) != 2 {
			if len(c.Legs) > 2 {
				r.file.Comments = append(r.file.Comments, fmt.Sprintf("a call of %d devices stood when the record began: it isn't set up", len(c.Legs)))
			}
			continue
		}
		from, to := c.Legs[0], c.Legs[1]
		if c.Calling.Device == to.Device || to.State != csta.Alerting && from.State == csta.Alerting {
			from, to = to, from
		}
		a, ours := phone(from.Device)
		b, theirs := phone(to.Device)
		if !ours || !theirs {
			continue
		}
		lines = append(lines, a+" dials tel:+1555"+b)
		if to.State != csta.Alerting {
			lines = append(lines, b+" answers")
		}
		for _, leg := range []struct {
			who   string
			state csta.State
		}{{a, from.State}, {b, to.State}} {
			if leg.state == csta.Hold {
				lines = append(lines, leg.who+" holds")
			}
		}
	}
	if len(lines) > 0 {
		r.file.Steps = append(r.file.Steps, Step{Kind: PBX, Text: strings.Join(lines, "\n")})
	}
}

// ringing finds the lines that have no session: they ring, and no trunk led to them.
func (r *recorder) ringing(records []wiretap.Record) {
	outside := make(map[string]bool)
	for _, member := range []*regexp.Regexp{networkReached, rings} {
		for _, x := range records {
			for _, m := range member.FindAllSubmatch(x.Text, -1) {
				if n := onlyDigits(string(m[1])); member == networkReached {
					outside[n] = true
				} else if n != "" && !outside[n] {
					r.number(n, true)
				}
			}
		}
	}
}

type recorder struct {
	file    *File
	peers   map[string]string // by Call-ID; empty: it can't be played
	answers map[string]bool   // sessions whose client answers events
	values  map[string]string // what the gateway made, and the variable that stands for it
	numbers map[string]string // digits, and those that stand for them
	met     []string          // those of them by whose end others are known, in the order in which they came
	users   map[string]string
	hosts   map[string]string
	own     []string // our host in Contact, as it was
	done    map[string]bool
	cleared map[string]time.Time // when somebody last left a call
	lines   int
	others  int
	calls   int
	monitor int
}

var (
	telNumber      = regexp.MustCompile(`(tel:[+*#]*|\+)([0-9][0-9().-]*[0-9])`)
	bareInXML      = regexp.MustCompile(`>([*#]*)([0-9]{3,})([<;])`)
	sipUser        = regexp.MustCompile(`(sips?:)([^@\s<>;:"+$]+)@([A-Za-z0-9.-]+)`)
	display        = regexp.MustCompile(`(?m)^([A-Za-z-]+ *: *)(?:"[^"\n]*"|[^"<>\n:,;]*[^"<>\n:,;\s])(\s*<(?:sips?|tel):)`)
	fullName       = regexp.MustCompile(`(<(?:\w+:)?(?:name|displayName|logicalDeviceName)>)[^<]*<`)
	address        = regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`)
	madeCall       = regexp.MustCompile(`<(?:\w+:)?callID>\s*([^<\s]+)\s*</`)
	madeCross      = regexp.MustCompile(`<(?:\w+:)?monitorCrossRefID>\s*([^<\s]+)\s*</`)
	networkReached = regexp.MustCompile(`(?s)<(?:\w+:)?NetworkReachedEvent.*<(?:\w+:)?calledDevice>\s*<(?:\w+:)?deviceIdentifier[^>]*>\s*(tel:[^<\s]+)`)
	rings          = regexp.MustCompile(`<(?:\w+:)?alertingDevice>\s*<(?:\w+:)?deviceIdentifier[^>]*>\s*(tel:[^<\s]+)`)
	toTag          = regexp.MustCompile(`(?m)^To: [^\n]*;tag=([^;\s]+)`)
	contactOf      = regexp.MustCompile(`(?m)^Contact: <sips?:([^;>\s]+)`)
	contentLength  = regexp.MustCompile(`(?mi)^(?:Content-Length|l)\s*:[^\n]*\n`)
	rootName       = regexp.MustCompile(`<(?:\w+:)?([A-Z]\w+)[\s/>]`)
)

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// number gives the digits that stand for others: those of an extension are the end of those of the whole number.
func (r *recorder) number(digits string, line bool) string {
	if n := r.numbers[digits]; n != "" {
		return n
	}
	for _, whole := range r.met { // the first that fits: whoever asks again gets the same
		if n := r.numbers[whole]; len(digits) < len(whole) && strings.HasSuffix(whole, digits) && len(digits) <= len(n) {
			r.numbers[digits] = n[len(n)-len(digits):]
			return r.numbers[digits]
		}
	}
	for _, extension := range r.met {
		if n := r.numbers[extension]; len(n) == extensions && len(extension) < len(digits) && strings.HasSuffix(digits, extension) {
			return r.meet(digits, "1555"+n)
		}
	}
	n := ""
	if line && len(digits) <= 6 { // an extension, as it was dialled
		r.lines++
		n = fmt.Sprint(1000 + r.lines)
	} else if line {
		r.lines++
		n = fmt.Sprint(15551000 + r.lines)
	} else {
		r.others++
		n = fmt.Sprint(15559000000 + 10*r.others)
	}
	return r.meet(digits, n)
}

// meet keeps what stands for a number's digits.
func (r *recorder) meet(digits, n string) string {
	r.numbers[digits], r.met = n, append(r.met, digits)
	return n
}

// extensions is how many digits the simulated PBX's extensions have.
const extensions = 4

func swap(to map[string]string, key, format string) string {
	if to[key] == "" {
		to[key] = fmt.Sprintf(format, len(to)+1)
	}
	return to[key]
}

// anonymous replaces numbers, users and addresses.
func (r *recorder) anonymous(s string) string {
	each := func(re *regexp.Regexp, f func(m []string) string) {
		s = re.ReplaceAllStringFunc(s, func(all string) string { return f(re.FindStringSubmatch(all)) })
	}
	each(sipUser, func(m []string) string { return m[1] + swap(r.users, m[2]+"@"+m[3], "user%d") + "@contoso.test" })
	each(telNumber, func(m []string) string { return m[1] + r.number(onlyDigits(m[2]), false) })
	each(bareInXML, func(m []string) string { return ">" + m[1] + r.number(m[2], false) + m[3] })
	each(display, func(m []string) string { return m[1] + `"Somebody"` + m[2] })
	each(fullName, func(m []string) string { return m[1] + "Somebody<" })
	each(address, func(m []string) string { return swap(r.hosts, m[0], "192.0.2.%d") })
	return s
}

// made puts variables in place of what the gateway made.
func (r *recorder) made(s string) string {
	for value, name := range r.values {
		s = regexp.MustCompile(`([>=;\s])`+regexp.QuoteMeta(value)+`([<;\s]|$)`).ReplaceAllString(s, "${1}$$"+name+"${2}")
	}
	for _, host := range r.own {
		s = strings.ReplaceAll(s, "sip:"+host, "sip:$HOST")
	}
	return s
}

func (r *recorder) learn(re *regexp.Regexp, text, kind string, n *int) {
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		if r.values[m[1]] == "" {
			*n++
			r.values[m[1]] = fmt.Sprint(kind, *n)
		}
	}
}

func (r *recorder) message(x wiretap.Record) {
	text := strings.ReplaceAll(string(x.Text), "\r\n", "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	start, _, _ := strings.Cut(head, "\n")
	response := strings.HasPrefix(start, "SIP/2.0 ")
	in := x.Direction == wiretap.In
	peer, known := r.peers[x.Session]
	if !known && in && strings.HasPrefix(start, "INVITE ") && x.Cut == 0 {
		peer = string(rune('a' + len(r.peers)%26))
		if !r.answers[x.Session] {
			peer = "silent" + peer
		}
		known = true
		r.peers[x.Session] = peer
	}
	if !known || x.Cut > 0 || strings.TrimSpace(text) == "" || in && response {
		return // the player answers events by itself
	}
	if in {
		r.step(Send, peer, "", contentLength.ReplaceAllString(r.anonymous(r.made(text)), ""))
		return
	}
	r.learn(madeCall, body, "C", &r.calls)
	r.learn(madeCross, body, "M", &r.monitor)
	root := ""
	if m := rootName.FindStringSubmatch(strings.TrimPrefix(strings.TrimSpace(body), "<?xml")); m != nil {
		root = m[1]
	}
	if !response && x.Trace.IsZero() {
		r.phones(x.At, root, body)
	}
	body = r.anonymous(r.made(strings.TrimSpace(body)))
	if i := strings.Index(body, "?>"); strings.HasPrefix(body, "<?xml") && i > 0 {
		body = strings.TrimSpace(body[i+2:])
	}
	what, _, _ := strings.Cut(strings.TrimPrefix(start, "SIP/2.0 "), " ")
	if root == "GetCSTAFeaturesResponse" {
		body = "" // another PBX offers something else
	}
	if response && strings.HasPrefix(what, "2") && strings.Contains(head, " INVITE") {
		if tag := toTag.FindStringSubmatch(head); tag != nil && r.values[tag[1]] == "" {
			r.values[tag[1]] = "TAG" + peer
			body = "To: $*;tag=$TAG" + peer + "\n\n" + body
		}
		if host := contactOf.FindStringSubmatch(head); host != nil {
			r.own = append(r.own, host[1])
		}
	}
	r.step(Get, peer, what, body)
}

func (r *recorder) step(k Kind, peer, what, text string) {
	r.file.Steps = append(r.file.Steps, Step{Kind: k, Peer: peer, What: what, Text: strings.Trim(text, "\n")})
}

// consequence is the time within which others leave a call because somebody did.
const consequence = 200 * time.Millisecond

// acts are what somebody must have done at a phone for an event that nobody asked for, and the member that says at which.
var acts = map[string]struct{ who, does, whom string }{
	"EstablishedEvent":       {"answeringDevice", "answers", ""},
	"ConnectionClearedEvent": {"releasingDevice", "hangs up", ""},
	"HeldEvent":              {"holdingDevice", "holds", ""},
	"RetrievedEvent":         {"retrievingDevice", "retrieves", ""},
	"DeliveredEvent":         {"callingDevice", "dials", "calledDevice"},
}

// phones adds what was done at a phone; once, though each of several sessions is told.
func (r *recorder) phones(at time.Time, event, body string) {
	a, ok := acts[event]
	if !ok {
		return
	}
	device := func(member string) string {
		m := regexp.MustCompile(`<(?:\w+:)?` + member + `>\s*<(?:\w+:)?deviceIdentifier[^>]*>\s*(tel:[^<\s]+)`).FindStringSubmatch(body)
		if m == nil {
			return ""
		}
		return r.anonymous(m[1])
	}
	who := device(a.who)
	if who == "" {
		return
	}
	line := "outside " + who + " " + a.does
	if n, ok := strings.CutPrefix(who, "tel:+1555"); ok && len(n) == 4 {
		line = n + " " + a.does
	}
	if a.whom != "" {
		line += " " + device(a.whom)
	}
	call := madeCall.FindStringSubmatch(body)
	mark := event + who
	if call != nil {
		mark += call[1]
		if event == "ConnectionClearedEvent" {
			since := at.Sub(r.cleared[call[1]])
			r.cleared[call[1]] = at
			if since < consequence {
				return
			}
		}
	}
	if !r.done[mark] {
		r.done[mark] = true
		r.file.Steps = append(r.file.Steps, Step{Kind: PBX, Text: line})
	}
}
