// Package pbxadapter is the contract between farhook and a kind of PBX. An adapter speaks its PBX's own protocol, carries out CSTA
// services as that PBX can, and reports facts; deadlines, rights, retries, logging and counting are the switchboard's.
package pbxadapter

import (
	"context"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Adapter is one PBX. Two methods; everything else is in the table.
type Adapter interface {
	// Services says what this adapter implements. It may be called before, during and after Run, concurrently, and
	// always gives the same table. Handlers may be called only while Run runs and has called Resync; they return
	// when the PBX has shown the result (proof) or has taken the request (acceptance), as the switchboard's table
	// says for that service, or when ctx ends.
	//
	// Every fact that a handler causes carries pbxadapter.Op(ctx), whether it is reported before or after it returns.
	// Devices and connections in requests are canonical and complete; numbers to be dialled are canonical too,
	// or as typed where no device is known by them.
	Services() csta.Services
	// Run stays connected and reports until ctx ends (then it returns nil) or the link is lost (then why). After each
	// connect it calls Devices, then Resync, then Report. When it returns, none of the adapter's goroutines is left.
	Run(ctx context.Context, r Reporter) error
}

// Reporter is what Run tells. Its methods are quick, never block on I/O, and may be called from any goroutine; the order of calls
// is the order of events.
type Reporter interface {
	// Devices replaces the list of devices: after connecting and on change. The slice is not kept by the caller.
	Devices(all []Device)
	// Resync replaces all calls, features and service: right after connecting.
	Resync(s callmodel.State)
	// Report tells one fact.
	Report(f callmodel.Fact)
}

// DeviceKind says what a device is.
type DeviceKind uint8

// The kinds of device.
const (
	Phone DeviceKind = iota
	Group            // callers wait in it, or it rings several phones
	ParkSlot
	Trunk
)

// Device is one device of a PBX.
type Device struct {
	ID      csta.DeviceID // canonical: an RFC 3966 URI, global where there is a global number
	Kind    DeviceKind
	Name    string          // whose it is, for people; may be empty
	Aliases []string        // other numbers that mean it, such as its extension "1001"; digits, * and # only
	Members []csta.DeviceID // of a Group
	// Lacks are the services of the adapter's table that this device does not offer, with the reason.
	Lacks map[csta.Service]Reason
}

// Reason is a sentence for an administrator: why a device lacks a service. Lower case, no full stop.
type Reason string

// Options are what every kind of adapter is made from.
type Options struct {
	Name string      // of this PBX in the configuration; part of its call ids
	Log  *zap.Logger // never nil
	// Decode fills the adapter's own part of the configuration into a struct, strictly.
	Decode func(into any) error
	// Numbers translates between canonical numbers and this PBX's own; never nil.
	Numbers Numbers
	// Tap takes every message to and from the PBX, keep-alives aside; nil takes nothing, and Tap.Record does that check.
	Tap Tap
	// Meter counts commands to the PBX and audits; nil counts nothing, and its methods do that check.
	Meter Meter
}

// Factory makes an adapter. It reads and checks its configuration, and connects to nothing.
type Factory func(Options) (Adapter, error)

// Watcher is an Adapter that wants to know which devices somebody watches closely: a PBX that must be asked to tell about a device, or
// a simulated one whose phones answer themselves unless a user is there. Watched is called on each device's first and
// last watch, from any goroutine, also from within a call of the Reporter's: it must be quick, and take no lock that is held while reporting.
type Watcher interface {
	Watched(d csta.DeviceID, on bool)
}

// Auditor is an Adapter that compares what it told with what its PBX has, as it does by itself every minute, when it's asked to.
type Auditor interface {
	// Audit looks at the calls of device d, or at all of them where d is empty. What differs is reported like every fact before it returns; repaired
	// is the number of connections that did. It may be called while Run runs and has called Resync, concurrently.
	Audit(ctx context.Context, d csta.DeviceID) (repaired int, err error)
}
