package switchboard

import (
	"maps"
	"slices"
	"time"

	"farhook/csta"
)

// row is what the board knows of one service.
type row struct {
	// limit is the deadline in all. Where nobody is needed (proof) the PBX has shown the result by then; where somebody is (acceptance) it has taken
	// the request.
	limit time.Duration
	phone bool // the phone itself has a part in it: refused while it is out of service
}

const (
	proof      = 8 * time.Second
	acceptance = 8 * time.Second
)

// services is the table of what the board carries out: one row per service. What has no row is answered serviceNotSupported.
var services = map[csta.Service]row{
	"AnswerCall":                  {proof, true},
	"HoldCall":                    {proof, true},
	"RetrieveCall":                {proof, true},
	"AlternateCall":               {proof, true},
	"ReconnectCall":               {proof, true},
	"ClearConnection":             {proof, false},
	"ClearCall":                   {proof, false},
	"ConferenceCall":              {proof, false},
	"TransferCall":                {proof, false},
	"GenerateDigits":              {proof, true},
	"SetMicrophoneMute":           {proof, true},
	"GetMicrophoneMute":           {proof, false},
	"SetDoNotDisturb":             {proof, false},
	"GetDoNotDisturb":             {proof, false},
	"GetForwarding":               {proof, false},
	"DirectedPickupCall":          {proof, true},
	"GroupPickupCall":             {proof, true},
	"ParkCall":                    {proof, false},
	"MakeCall":                    {acceptance, true},
	"ConsultationCall":            {acceptance, true},
	"DeflectCall":                 {acceptance, false},
	"SetForwarding":               {acceptance, false},
	"SingleStepTransferCall":      {acceptance, false},
	"SingleStepConferenceCall":    {acceptance, false},
	"SetMessageWaitingIndicator":  {proof, false},
	"GetMessageWaitingIndicator":  {proof, false},
	"GetLogicalDeviceInformation": {proof, false},
	"GetCSTAFeatures":             {proof, false},
	"SnapshotDevice":              {proof, false},
	"SnapshotCall":                {proof, false},
}

// own are the services that the board answers itself, from memory.
var own = map[csta.Service]bool{"GetCSTAFeatures": true, "SnapshotDevice": true, "SnapshotCall": true}

// dialled are the members that hold a number to be called, which need not be a device of ours, and what is answered when they can't be.
var dialled = map[string]*csta.Error{
	"calledDirectoryNumber": csta.ErrInvalidCalledDeviceID,
	"consultedDevice":       csta.ErrInvalidCalledDeviceID,
	"newDestination":        csta.ErrInvalidDestination,
	"transferredTo":         csta.ErrInvalidDestination,
	"deviceToJoin":          csta.ErrInvalidDestination,
	"parkTo":                csta.ErrInvalidDestination,
	"forwardDN":             csta.ErrInvalidForwardingDest,
}

// Takes says what a service takes: a link to the PBX, and the phone itself in service.
func Takes(s csta.Service) (link, phone bool) { return !own[s], services[s].phone }

// KnownServices are all services that the board carries out, sorted.
func KnownServices() []csta.Service { return slices.Sorted(maps.Keys(services)) }

// SessionServices are the services that sessions carry out themselves.
func SessionServices() []csta.Service { return slices.Sorted(slices.Values(sessionServices)) }
