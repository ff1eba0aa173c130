package freeswitch

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// FeatureEvents says how a site's dialplan tells that a feature was changed at a phone: a CUSTOM event of a subclass of its own.
type FeatureEvents struct {
	Subclass string            `yaml:"subclass"`
	Device   string            `yaml:"device"`  // header with the device's user
	Feature  string            `yaml:"feature"` // header with the feature's name
	Value    string            `yaml:"value"`   // header with true or false, or the number forwarded to; empty or missing is off
	Names    map[string]string `yaml:"names"`   // what the site calls them: our names (do_not_disturb, forward_immediate, …) by the site's
}

// The features that a site may have, by their names in the configuration.
var featureNames = map[string]func(on bool, to csta.DeviceID, rings int) callmodel.Feature{
	"do_not_disturb":    func(on bool, _ csta.DeviceID, _ int) callmodel.Feature { return callmodel.DoNotDisturb{On: on} },
	"forward_immediate": forwards(csta.ForwardImmediate),
	"forward_busy":      forwards(csta.ForwardBusy),
	"forward_no_answer": forwards(csta.ForwardNoAns),
}

func forwards(kind csta.ForwardingType) func(bool, csta.DeviceID, int) callmodel.Feature {
	return func(on bool, to csta.DeviceID, rings int) callmodel.Feature {
		return callmodel.Forwarding{Type: kind, On: on, To: to, Rings: rings}
	}
}

// forwardNames are the names of the types of forwarding.
var forwardNames = map[csta.ForwardingType]string{
	csta.ForwardImmediate: "forward_immediate", csta.ForwardBusy: "forward_busy", csta.ForwardNoAns: "forward_no_answer",
}

// features is what is set at the devices, and whether they are registered, as far as the PBX told.
type features struct {
	track  *tracker
	rules  []FeatureEvents
	stored map[csta.DeviceID][]callmodel.Feature
	out    map[csta.DeviceID]bool
	phones map[string]map[string]bool // registrations: by user, their call ids
	// asked is told that a phone asked for its settings, or changed one: they are to be stored and confirmed.
	asked func(phone)
	// seen is told what kind of phone registered.
	seen func(user, agent string)
}

// phone is a phone that synchronises its features, as its last subscription named it.
type phone struct {
	user, host, profile, callID string
	changed                     callmodel.Feature // nil: it asks only
	device                      csta.DeviceID
}

func newFeatures(t *tracker, rules []FeatureEvents) *features {
	return &features{
		track: t, rules: rules, stored: make(map[csta.DeviceID][]callmodel.Feature), out: make(map[csta.DeviceID]bool),
		phones: make(map[string]map[string]bool),
	}
}

// headers are those that have to be read of events.
func (f *features) headers() map[string]bool {
	m := make(map[string]bool)
	for _, r := range f.rules {
		m[r.Device], m[r.Feature], m[r.Value] = true, true, true
	}
	return m
}

// hear takes one event.
func (f *features) hear(e *event) {
	switch name := e.name(); name {
	case "MESSAGE_WAITING":
		_, account := cutPrefix(e.get(mwiAccount), ':')
		if s, ok := f.track.stations[user(account)]; ok {
			f.set(s.id, callmodel.MessageWaiting{On: strings.EqualFold(e.get(mwiWaiting), "yes")}, 0)
		}
	case "PHONE_FEATURE_SUBSCRIBE":
		f.subscribed(e)
	case "sofia::register", "sofia::unregister", "sofia::expire":
		f.registered(name, e)
	default:
		for _, r := range f.rules {
			if r.Subclass == name {
				f.changed(r, e)
			}
		}
	}
}

// set tells a setting that changed.
func (f *features) set(d csta.DeviceID, v callmodel.Feature, op callmodel.OpID) {
	list := f.stored[d]
	i := slices.IndexFunc(list, func(o callmodel.Feature) bool { return sameFeature(o, v) })
	if i >= 0 && list[i] == v {
		return
	}
	list = slices.Clone(list)
	if i < 0 {
		list = append(list, v)
	} else {
		if w, ok := v.(callmodel.Forwarding); ok && !w.On && w.To == "" {
			w.To = list[i].(callmodel.Forwarding).To // sameFeature says so
			v = w
		}
		list[i] = v
	}
	f.stored[d] = list
	f.track.facts(callmodel.FeatureSet{Meta: callmodel.Meta{At: f.track.now, Op: op}, Device: d, Feature: v})
}

func sameFeature(a, b callmodel.Feature) bool {
	switch a := a.(type) {
	case callmodel.DoNotDisturb:
		_, ok := b.(callmodel.DoNotDisturb)
		return ok
	case callmodel.MessageWaiting:
		_, ok := b.(callmodel.MessageWaiting)
		return ok
	case callmodel.Forwarding:
		o, ok := b.(callmodel.Forwarding)
		return ok && o.Type == a.Type
	}
	return false
}

// get is a setting as last told; the zero value where nobody ever did.
func get[F callmodel.Feature](f *features, d csta.DeviceID, is func(F) bool) F {
	for _, v := range f.stored[d] {
		if v, ok := v.(F); ok && is(v) {
			return v
		}
	}
	var none F
	return none
}

func (f *features) dnd(d csta.DeviceID) bool {
	return get(f, d, func(callmodel.DoNotDisturb) bool { return true }).On
}

// changed is a feature that the dialplan says was changed.
func (f *features) changed(r FeatureEvents, e *event) {
	s, ok := f.track.stations[e.extra[r.Device]]
	feature := featureNames[r.Names[e.extra[r.Feature]]]
	if !ok || feature == nil {
		return
	}
	v, _ := f.value(feature, e.extra[r.Value])
	f.set(s.id, v, 0)
}

// value reads a setting as a dialplan keeps it.
func (f *features) value(feature func(bool, csta.DeviceID, int) callmodel.Feature, text string) (callmodel.Feature, bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "false", "off", "no", "0", "none":
		return feature(false, "", 0), false
	case "true", "on", "yes", "1":
		return feature(true, "", 0), true
	}
	return feature(true, f.track.known(strings.TrimSpace(text), pbxadapter.Called).Device, 0), true
}

// subscribed is a phone that asks for its features, or changes one.
func (f *features) subscribed(e *event) {
	s, ok := f.track.stations[e.get(regUser)]
	if !ok {
		return
	}
	p := phone{user: e.get(regUser), host: e.get(regHost), profile: e.get(profileName), callID: e.get(callID), device: s.id}
	on := strings.EqualFold(e.get(featureEnabled), "true")
	switch e.get(featureAction) {
	case "SetDoNotDisturb":
		p.changed = callmodel.DoNotDisturb{On: on}
	case "SetCallForward":
		feature := featureNames[e.get(featureName)]
		if feature == nil {
			return
		}
		rings := 0
		for _, c := range e.get(featureRings) {
			if c < '0' || c > '9' || rings > 100 {
				rings = 0
				break
			}
			rings = rings*10 + int(c-'0')
		}
		to := csta.DeviceID("")
		if n := e.get(featureValue); n != "" {
			to = f.track.known(n, pbxadapter.Called).Device
		}
		if on && to == "" {
			return
		}
		p.changed = feature(on, to, rings)
	}
	if p.changed != nil {
		f.set(s.id, p.changed, 0)
	}
	if f.asked != nil {
		f.asked(p)
	}
}

// registered is a phone that came, came again, or went. A device is out of service when its last phone has gone.
func (f *features) registered(what string, e *event) {
	u := e.get(fromUser)
	for _, k := range [...]key{regUsername, regUser} {
		if _, ok := f.track.stations[u]; !ok && e.get(k) != "" {
			u = e.get(k)
		}
	}
	if f.seen != nil && what == "sofia::register" {
		f.seen(u, e.get(regAgent))
	}
	s, ok := f.track.stations[u]
	if !ok {
		return
	}
	if what == "sofia::register" {
		f.came(u, e.get(callID))
	} else {
		if id := e.get(callID); id == "" || !f.phones[u][id] {
			delete(f.phones, u)
		} else if delete(f.phones[u], id); len(f.phones[u]) == 0 {
			delete(f.phones, u)
		}
	}
	f.service(s.id, len(f.phones[u]) > 0)
}

func (f *features) came(u, id string) {
	if f.phones[u] == nil {
		f.phones[u] = make(map[string]bool)
	}
	if len(f.phones[u]) < 64 {
		f.phones[u][id] = true
	}
}

func (f *features) service(d csta.DeviceID, in bool) {
	if f.out[d] == !in {
		return
	}
	f.out[d] = !in
	cause := csta.CauseNormal
	if !in {
		cause = csta.CauseDestOutOfOrder
	}
	f.track.facts(callmodel.Service{Meta: callmodel.Meta{At: f.track.now, Cause: cause}, Device: d, In: in})
}

// restored takes over what was known before a new connection, where the PBX can't be asked.
func (f *features) restored(old *features) {
	for d, list := range old.stored {
		for _, v := range list {
			if !slices.ContainsFunc(f.stored[d], func(o callmodel.Feature) bool { return sameFeature(o, v) }) {
				f.stored[d] = append(f.stored[d], v)
			}
		}
	}
}
