package fake

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// What the fake's commands do.

var originates = regexp.MustCompile(`^\{\^\^\|(.*)\}(?:user/(\d+@[a-z.]+)|loopback/(\S+)) (.*)$`)

// api carries a command out. It is called with the lock.
func (f *PBX) api(command string, done func(string)) {
	if f.frozen {
		return
	}
	if do := f.happening; do != nil && strings.HasPrefix(command, f.before) {
		f.happening = nil
		f.mu.Unlock()
		do()
		f.mu.Lock()
	}
	f.commands = append(f.commands, command)
	if f.counted++; f.counted == f.killAfter {
		defer func() { // whoever sent it is dead in the next moment
			f.frozen = true
			for l := range f.links {
				_ = l.nc.Close()
			}
		}()
	}
	if f.mood.Silent && !strings.HasPrefix(command, "show") {
		return
	}
	verb, rest, _ := strings.Cut(command, " ")
	w := strings.Fields(rest)
	if f.mood.Idle && verb != "user_data" && verb != "uuid_getvar" && !strings.HasPrefix(rest, "select/") {
		done("+OK")
		return
	}
	var l *leg
	if len(w) > 0 {
		l = f.legs[w[0]]
	}
	noSuch := func() bool {
		if l == nil {
			done("-ERR No such channel!")
		}
		return l == nil
	}
	if f.refused != "" && strings.HasPrefix(command, f.refused) {
		f.refused = ""
		done("-ERR refused")
		return
	}
	switch verb {
	case "echo":
		done(rest)
	case "eval":
		done(f.core)
	case "show":
		done(f.show(w))
	case "sofia":
		var b strings.Builder
		for _, u := range []string{"201", "202", "203", "204", "205"} {
			b.WriteString("Call-ID:    \tc-" + u + "\nUser:       \t" + u + "@pbx.test\nAgent:      \tSnom D785\n\n")
		}
		done(b.String())
	case "user_data":
		if u, domain, _ := strings.Cut(w[0], "@"); domain == "pbx.test" {
			done(f.class(u))
		} else {
			done("-ERR no reply")
		}
	case "uuid_exists":
		done(map[bool]string{true: "true", false: "false"}[l != nil])
	case "uuid_dump":
		if !noSuch() {
			f.seq++
			m := map[string]string{"Event-Name": "CHANNEL_DATA", "Core-UUID": f.core, "Event-Sequence": strconv.Itoa(f.seq)}
			f.describe(l, m)
			text, _ := json.Marshal(m)
			done(string(text))
		}
	case "db":
		f.database(w[0], done)
	case "uuid_kill":
		if !noSuch() {
			cause := "NORMAL_CLEARING"
			if len(w) > 1 {
				cause = w[1]
			}
			done("+OK")
			f.hangup(l, cause)
		}
	case "uuid_phone_event":
		switch {
		case l == nil:
			done("-ERR Operation failed")
			return
		case l.deaf:
		case w[1] == "hold" && l.ans && !l.held:
			f.hold(l)
		case w[1] == "talk" && l.held:
			f.retrieve(l)
		case w[1] == "talk" && !l.ans:
			f.answer(l)
		}
		done("+OK Success")
	case "uuid_break": // nothing plays here
		if !noSuch() {
			done("+OK")
		}
	case "uuid_setvar":
		if !noSuch() {
			if len(w) < 3 {
				delete(l.vars, w[1])
			} else {
				l.vars[w[1]] = w[2]
			}
			done("+OK")
		}
	case "uuid_setvar_multi":
		if !noSuch() {
			for p := range strings.SplitSeq(w[1], ";") {
				if k, v, _ := strings.Cut(p, "="); v == "" {
					delete(l.vars, k)
				} else {
					l.vars[k] = v
				}
			}
			done("+OK")
		}
	case "uuid_transfer":
		if !noSuch() {
			_, to, _ := strings.Cut(rest, " ")
			done("+OK")
			to, both := strings.CutPrefix(to, "-both ")
			if o := l.peer; both && o != nil {
				l.peer, o.peer = nil, nil
				f.run(o, to, "")
				f.fire("CHANNEL_UNBRIDGE", l, map[string]string{"Bridge-A-Unique-ID": l.id, "Bridge-B-Unique-ID": o.id})
				f.run(l, to, "")
				return
			}
			f.transfer(l, to)
		}
	case "uuid_bridge":
		b := f.legs[w[1]]
		switch {
		case l == nil || b == nil:
			done("-ERR Invalid uuid")
		case !l.ans || !b.ans:
			done("+OK " + b.id)
			f.hangup(l, "NORMAL_CLEARING")
			f.hangup(b, "NORMAL_CLEARING")
		default:
			done("+OK " + b.id)
			f.bridge(l, b)
		}
	case "uuid_recv_dtmf":
		if l == nil {
			done("-ERR Cannot locate session!")
			return
		}
		done("+OK " + l.id + " received DTMF " + w[1] + ".")
		f.press(l, strings.ReplaceAll(w[1], "W", ""), "APP")
	case "originate":
		f.originate(rest, done)
	case "uuid_getvar":
		switch {
		case noSuch():
		case w[1] == "read_codec":
			done("PCMU")
		case l.vars[w[1]] == "":
			done("_undef_")
		default:
			done(l.vars[w[1]])
		}
	default:
		done("-ERR " + verb + " Command not found!")
	}
}

func (f *PBX) show(w []string) string {
	var rows []map[string]string
	switch w[0] {
	case "channels":
		for _, id := range f.order {
			l := f.legs[id]
			if l == nil || l.unseen {
				continue
			}
			m := map[string]string{}
			f.describe(l, m)
			if w[1] != "like" || strings.Contains(m["Channel-Name"], w[2]) || l.cid == w[2] {
				rows = append(rows, map[string]string{"uuid": id, "callstate": m["Channel-Call-State"]})
			}
		}
	case "registrations":
		for _, u := range []string{"201", "202", "203", "204", "205"} {
			rows = append(rows, map[string]string{"reg_user": u, "realm": "pbx.test", "token": "c-" + u, "url": "sofia/desk/sip:" + u + "@127.0.0.1:5060"})
		}
	}
	if len(rows) == 0 {
		return `{"row_count": 0}`
	}
	text, _ := json.Marshal(map[string]any{"row_count": len(rows), "rows": rows})
	return string(text)
}

func (f *PBX) database(arg string, done func(string)) {
	part := strings.SplitN(arg, "/", 4)
	if len(part) < 3 {
		done("-USAGE: [insert|delete|select]/<realm>/<key>/<value>")
		return
	}
	key := part[1] + "/" + part[2]
	switch {
	case part[0] == "insert" && len(part) == 4:
		f.db[key] = part[3]
		done("+OK")
	case part[0] == "delete":
		delete(f.db, key)
		done("+OK")
	case f.db[key] == "":
		done("-ERR no reply")
	default:
		done(f.db[key])
	}
}

func (f *PBX) originate(arg string, done func(string)) {
	m := originates.FindStringSubmatch(arg)
	if m == nil {
		done("-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]")
		return
	}
	vars := map[string]string{}
	for p := range strings.SplitSeq(m[1], "|") {
		k, v, _ := strings.Cut(p, "=")
		vars[k] = strings.Trim(v, "'")
	}
	user, domain, _ := strings.Cut(m[2], "@")
	switch {
	case m[3] != "":
		f.loopback(vars, m[3], m[4], done)
		return
	case user == "206":
		done("-ERR USER_NOT_REGISTERED")
		return
	case user > "206" || domain != "pbx.test":
		done("-ERR SUBSCRIBER_ABSENT")
		return
	}
	l := f.leg(user, false, vars["origination_uuid"])
	for k, v := range vars {
		l.vars[k] = v
	}
	l.cid, l.dest = vars["origination_caller_id_number"], user
	l.onAnswer = func() {
		if l.dead {
			done("-ERR " + l.cause)
			return
		}
		done("+OK " + l.id)
		f.then(l, m[4])
	}
	f.fire("CHANNEL_CREATE", l, nil)
	f.fire("CHANNEL_PROGRESS", l, nil)
	if vars["sip_auto_answer"] == "true" {
		f.answer(l)
	}
}

// then is what an originated leg does when it has been answered.
func (f *PBX) then(l *leg, app string) {
	name, arg, _ := strings.Cut(strings.TrimSuffix(app, ")"), "(")
	switch name {
	case "&intercept":
		o := f.legs[arg]
		if o == nil || o.ans && l.vars["intercept_unanswered_only"] == "true" || o.peer != nil && l.vars["intercept_unbridged_only"] == "true" {
			f.hangup(l, "NORMAL_CLEARING")
			return
		}
		f.intercept(l, o)
	case "&conference":
		room, _, _ := strings.Cut(arg, "@")
		f.enter(l, room)
	default:
		f.run(l, app, l.user)
	}
}
