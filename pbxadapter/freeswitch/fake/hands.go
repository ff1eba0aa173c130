package fake

import (
	"maps"
	"slices"
)

// on does something with the newest leg of a phone, or of an outside number, for which is holds.
func (f *PBX) on(number string, is func(*leg) bool, do func(*leg)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := f.newest(number, is)
	if err == nil {
		do(l)
	}
	return err
}

// The hands.

// Call dials at a phone, or comes in from an outside number, which begins with 0.
func (f *PBX) Call(from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.leg(from, true, "")
	l.cid, l.dest = from, to
	if from[0] == '0' {
		l.user, l.number = "", from
	}
	f.fire("CHANNEL_CREATE", l, nil)
	f.route(l, to, "", f.class(from))
}

// Withheld is a call from an outside number that is not to be shown. It is to a number outside of ours, by which a phone is reached.
func (f *PBX) Withheld(from, to, number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.leg("", true, "")
	l.cid, l.dest, l.number, l.hidden = from, number, from, true
	f.fire("CHANNEL_CREATE", l, nil)
	f.route(l, to, "", f.class(from))
}

// Answer lifts a phone that rings.
func (f *PBX) Answer(number string) error {
	return f.on(number, func(l *leg) bool { return !l.inbound && !l.ans }, f.answer)
}

// HangUp puts a phone down, which talks.
func (f *PBX) HangUp(number string) error {
	return f.on(number, func(l *leg) bool { return !l.held }, func(l *leg) { l.status = "200"; f.hangup(l, "NORMAL_CLEARING") })
}

// Hold holds what a phone talks to.
func (f *PBX) Hold(number string) error {
	return f.on(number, func(l *leg) bool { return l.ans && !l.held }, f.hold)
}

// Retrieve takes it back.
func (f *PBX) Retrieve(number string) error {
	return f.on(number, func(l *leg) bool { return l.held }, f.retrieve)
}

// Press presses digits at a phone, which talks.
func (f *PBX) Press(number, digits string) error {
	return f.on(number, func(l *leg) bool { return l.ans && !l.held }, func(l *leg) { f.press(l, digits, "RTP") })
}

// Pressed are the digits that others have pressed at whom a phone talked to.
func (f *PBX) Pressed(number string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard[number]
}

// Reject refuses a call that rings.
func (f *PBX) Reject(number string) error {
	return f.on(number, func(l *leg) bool { return !l.inbound && !l.ans }, func(l *leg) { l.status = "486"; f.hangup(l, "USER_BUSY") })
}

// Decline refuses a call that rings, for good.
func (f *PBX) Decline(number string) error {
	return f.on(number, func(l *leg) bool { return !l.inbound && !l.ans }, func(l *leg) { l.status = "603"; f.hangup(l, "CALL_REJECTED") })
}

// Redirects has a phone send its calls elsewhere by itself.
func (f *PBX) Redirects(user, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.db["redirects/"+user] = to
}

// GiveUp is the PBX's waiting that ends for a phone that rings.
func (f *PBX) GiveUp(number string) error {
	return f.on(number, func(l *leg) bool { return !l.inbound && !l.ans }, func(l *leg) { f.hangup(l, "NO_ANSWER") })
}

// Announce has an announcement begin for a phone that called one.
func (f *PBX) Announce(number string) error {
	return f.on(number, func(l *leg) bool { return l.inbound && !l.ans }, f.lift)
}

// Register has a phone register, or unregister.
func (f *PBX) Register(user string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]string{"profile-name": "desk", "call-id": "c-" + user, "username": user, "user-agent": "Snom D785", "from-user": user, "from-host": "pbx.test"}
	if on {
		f.fire("sofia::register", nil, m)
	} else {
		f.fire("sofia::unregister", nil, m)
	}
}

// Reset ends every call, or those of some phones, as the PBX would.
func (f *PBX) Reset(users ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range slices.Clone(f.order) {
		if l := f.legs[id]; l != nil && (len(users) == 0 || slices.Contains(users, l.user)) {
			f.hangup(l, "NORMAL_CLEARING")
		}
	}
}

// What goes wrong.

// Set changes its mood.
func (f *PBX) Set(change func(*Mood)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.mood)
}

// Restart has it be another process, which tells so by its next heartbeat; its calls are gone.
func (f *PBX) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.core, f.legs, f.rooms = newID(), map[string]*leg{}, map[string][]*leg{}
	f.fire("HEARTBEAT", nil, nil)
}

// KillAfter has every connection die after so many commands, and no others be carried out until it is called again; 0: never. It gives the number that held
// before.
func (f *PBX) KillAfter(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.killAfter
	f.counted, f.killAfter, f.frozen = 0, n, false
	return was
}

// Killed says whether it has come to that.
func (f *PBX) Killed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frozen
}

// Before has something happen before the next command is carried out that begins so.
func (f *PBX) Before(command string, then func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.happening = command, then
}

// Refuse has the next command refused that begins so.
func (f *PBX) Refuse(command string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = command
}

// Lose has nobody hear of legs, or of events of a name, any more.
func (f *PBX) Lose(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range names {
		f.lost[n] = true
	}
}

// Unlist takes all legs out of the table of channels.
func (f *PBX) Unlist() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.legs {
		l.unseen = true
	}
}

// Unheard begins a call of a phone to a number inside the PBX, which answers, and tells nobody.
func (f *PBX) Unheard(user, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.leg(user, true, "")
	l.dest, l.cid, l.ans = to, user, true
}

// Disobey has the legs of a phone do nothing when they are told to.
func (f *PBX) Disobey(user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.legs {
		if l.user == user {
			l.deaf = true
		}
	}
}

// Send sends every connection a message.
func (f *PBX) Send(head, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.links {
		l.send(head, body)
	}
}

// Write sends every connection octets, and closes it, if that is wanted.
func (f *PBX) Write(octets string, closes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.links {
		_, _ = l.nc.Write([]byte(octets))
		if closes {
			_ = l.nc.Close()
		}
	}
}

// Fire tells everybody an event that is about no leg.
func (f *PBX) Fire(name string, headers map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fire(name, nil, headers)
}

// Keep puts a value into its database, as a feature code would: "dnd/202", "true".
func (f *PBX) Keep(key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.db[key] = value
}

// What can be seen of it.

// Kept is what its database has: "dnd/202".
func (f *PBX) Kept(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.db[key]
}

// Commands gives what it was told to do since the last time, and forgets it.
func (f *PBX) Commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.commands
	f.commands = nil
	return list
}

// Said gives everything that was said to it since the last time, word for word, each message with its lines; and forgets it.
func (f *PBX) Said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.said
	f.said = nil
	return list
}

// Outside are the numbers outside that were called.
func (f *PBX) Outside() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.outside)
}

// Leg is what can be seen of a leg.
type Leg struct {
	ID, User     string // User is empty for outside parties
	Number       string // of an outside party; empty too: an end of a loopback
	Peer, Parent string // the legs with which it talks, and that dialled it
	Answered     bool
	Room, Parked bool // it is in a conference, or parked
	Slot         bool // in a slot
	Vars         map[string]string
}

// Legs are the legs that there are, oldest first.
func (f *PBX) Legs() (list []Leg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range f.order {
		if l := f.legs[id]; l != nil {
			o := Leg{ID: l.id, User: l.user, Number: l.number, Answered: l.ans, Room: l.room != "", Parked: l.parked, Slot: l.slot, Vars: maps.Clone(l.vars)}
			if l.peer != nil {
				o.Peer = l.peer.id
			}
			if l.parent != nil {
				o.Parent = l.parent.id
			}
			list = append(list, o)
		}
	}
	return list
}
