package switchboard

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/adaptertest"
)

// Every service that the board carries out through an adapter has a scenario in the conformance suite, a deadline, and its place in GetCSTAFeatures.
func TestServices(t *testing.T) {
	scenarios := adaptertest.Services()
	for _, s := range slices.Sorted(maps.Keys(services)) {
		if !own[s] && !slices.Contains(scenarios, s) {
			t.Errorf("%s lacks a scenario in adaptertest", s)
		}
		if services[s].limit <= 0 {
			t.Errorf("%s has no deadline", s)
		}
		if serviceFeatures[s] == nil {
			t.Errorf("%s is not in GetCSTAFeatures", s)
			continue
		}
		offered := new(supportedServices)
		serviceFeatures[s](offered)
		if reflect.ValueOf(*offered).IsZero() {
			t.Errorf("%s enters nothing in GetCSTAFeatures", s)
		}
	}
	for s := range serviceFeatures {
		if _, known := services[s]; !known {
			t.Errorf("%s is offered, and nobody does it", s)
		}
	}
	for _, s := range scenarios {
		if _, known := services[s]; !known {
			t.Errorf("%s has a scenario, and the board does not do it", s)
		}
	}
}

// The error table of the design: category and value, and the HTTP status.
var design = map[string]int{
	"operation/serviceNotSupported": 501,

	"operation/invalidParameterValue": 400, "operation/atLeastOneConditionalParameterNotProvided": 400, "operation/valueOutOfRange": 400,
	"operation/invalidForwardingType": 400, "operation/invalidCalledDeviceID": 400, "operation/invalidDestination": 400,
	"operation/invalidForwardingDestination": 400, "operation/invalidMonitorObject": 400, "operation": 400,

	"operation/invalidDeviceID": 404, "operation/invalidCallingDeviceID": 404, "operation/invalidCallID": 404, "operation/invalidConnectionID": 404,
	"operation/invalidActiveConnectionID": 404, "operation/invalidHeldConnectionID": 404, "operation/invalidMonitorCrossRefID": 404,

	"operation/privilegeViolationSpecifiedDevice": 403, "operation/privilegeViolationCalledDevice": 403,

	"stateIncompatibility": 409, "operation/requestIncompatibleWithObject": 409,

	"subscribedResourceAvailability/objectMonitorLimitExceeded": 429, "subscribedResourceAvailability": 429, "performanceManagement": 429,

	"systemResourceAvailibility/deviceOutOfService": 503, "systemResourceAvailibility/resourceOutOfService": 503, "systemResourceAvailibility": 503,
	"systemResourceAvailibility/internalResourceBusy": 504,

	"unspecified": 500,
}

// One walk over the whole table: each row is the design's, none is missing, and each goes through the wire and comes back as itself.
func TestEveryErrorRow(t *testing.T) {
	for k, got := range status {
		name := strings.TrimSuffix(k[0]+"/"+k[1], "/")
		want, ok := design[name]
		if !ok {
			t.Errorf("%s: %d is in the table, and not in the design", name, got)
			continue
		}
		e := &csta.Error{Category: k[0], Value: k[1]}
		if got != want || HTTPStatus(e) != want || HTTPStatus(e.With("why").Says("the PBX's words")) != want {
			t.Errorf("%s: %d, want %d", name, HTTPStatus(e), want)
		}
		if typ := "urn:csta:error:" + strings.ReplaceAll(name, "/", ":"); Type(e) != typ {
			t.Errorf("%s: type %s, want %s", name, Type(e), typ)
		}
		if k[1] == "" && k[0] != csta.ErrUnspecified.Category {
			continue // a whole category: it never goes out by itself
		}
		m, _, err := csta.Decode(csta.Encode(nil, e, csta.Ed3))
		if back, ok := m.(*csta.Error); err != nil || !ok || *back != *e {
			t.Errorf("%s came back as %v, %v", name, m, err)
		}
	}
	for name := range design {
		category, value, _ := strings.Cut(name, "/")
		if _, ok := status[[2]string{category, value}]; !ok {
			t.Errorf("%s is in the design, and not in the table", name)
		}
	}
	// What has no row of its own takes its category's.
	for _, e := range []*csta.Error{csta.ErrNoCallToAnswer, csta.ErrNoHeldCall, csta.ErrConnectedCallExists, csta.ErrInvalidCallingState} {
		if HTTPStatus(e) != 409 {
			t.Errorf("%v: %d", e, HTTPStatus(e))
		}
	}
	for _, e := range []*csta.Error{csta.ErrNetworkBusy, csta.ErrConferenceFull} {
		if HTTPStatus(e) != 503 {
			t.Errorf("%v: %d", e, HTTPStatus(e))
		}
	}
}
