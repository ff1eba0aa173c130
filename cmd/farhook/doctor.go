package main

import (
	"context"
	"crypto/x509"
	"net"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/web"
)

// The doctor goes the way of one user from end to end: from the configuration over the UC server and the directory to the phone. It knows nothing of its
// own; it asks the parts, and says what to do.

// health is how a step was found.
type health = string

// The states, from best to worst. Unknown: what would have to be asked isn't there.
const (
	healthy health = "ok"
	unknown health = "unknown"
	warning health = "warning"
	broken  health = "broken"
)

// finding is what one step found.
type finding = web.Finding

// person is a user as the directory has him.
type person struct {
	User       string // SIP address
	Name       string
	Line       string // as administered
	LineServer string
	Flags      *int // msRTCSIP-OptionFlags; nil: the directory doesn't say
	Source     string
}

// directory finds people.
type directory interface {
	// people finds those whose SIP address, name or line is as given; an error says why the directory can't be asked.
	people(who string) ([]person, error)
	// trouble is why a part of it is old; nil: it isn't.
	trouble() error
	// owners lists the users whose line it is.
	owners(line csta.DeviceID) []string
}

// doctor is what an examination looks at. The parts of a gateway that doesn't run are nil.
type doctor struct {
	conf   Config
	now    func() time.Time
	lookup func(ctx context.Context, host string) ([]string, error)
	keys   *keyring // nil: no TLS
	board  *switchboard.Board
	uc     *uacsta.Server
	dir    directory // nil: there is none
	ports
	planned func() ([]change, error) // what the file says now beside what is in force
}

// patient is the user in question, as far as the steps have found him.
type patient struct {
	asked    string // as typed; empty: nobody, the gateway alone
	user     string // SIP address
	spelling string // of the line, as administered
	line     csta.DeviceID
	device   switchboard.DeviceInfo
	shown    []*x509.Certificate // by the SIP listener that runs, to whoever connects
}

// examination is one look. Several findings are told in order.
type examination struct {
	name string
	look func(*doctor, context.Context, *patient) []finding
}

// examinations are the way, in its order: what comes first is the cause of what comes later.
var examinations = []examination{
	{"configuration", (*doctor).configuration},
	{"ports", (*doctor).reachable},
	{"certificate", (*doctor).certificate},
	{"clock", (*doctor).clock},
	{"UC servers", (*doctor).servers},
	{"arrivals", (*doctor).arrivals},
	{"directory", (*doctor).entry},
	{"line", (*doctor).lineToDevice},
	{"numbers", (*doctor).numbers},
	{"PBX link", (*doctor).link},
	{"phone", (*doctor).phone},
	{"services", (*doctor).services},
	{"sessions", (*doctor).sessions},
	{"refusals", (*doctor).refusals},
}

// examine goes the way of one user; of the gateway alone where who is empty.
func (d *doctor) examine(ctx context.Context, who string) []finding {
	p := &patient{asked: strings.TrimSpace(who)}
	var all []finding
	for _, s := range examinations {
		for _, f := range s.look(d, ctx, p) {
			f.Step = s.name
			all = append(all, f)
		}
	}
	return all
}

// worst is the worst state among findings.
func worst(all []finding) health {
	rank := map[health]int{healthy: 0, unknown: 0, warning: 1, broken: 2}
	w := healthy
	for _, f := range all {
		if rank[f.Health] > rank[w] {
			w = f.Health
		}
	}
	return w
}

// newDoctor is one for a configuration, with what runs of it.
func newDoctor(c Config) *doctor {
	return &doctor{conf: c, now: time.Now, lookup: net.DefaultResolver.LookupHost, ports: ports{
		own: net.InterfaceAddrs, listen: func(a string) (net.Listener, error) { return net.Listen("tcp", a) },
		patience: answersWithin,
	}}
}
