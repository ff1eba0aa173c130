package uacsta_test

import (
	"os"
	"strings"
	"testing"
)

// rows are those of the design's error table: the conversation that shows each, and the answer that is in it.
var rows = []struct{ row, file, answer string }{
	{"not XML", "bad-xml", "alice < 400 --"},
	{"a DOCTYPE", "bad-doctype", "alice < 400 --"},
	{"too large", "bad-large", "alice < 413 --"},
	{"wrong content type", "bad-type", "alice < 415 --"},
	{"unknown dialog", "bad-dialog", "SIP/2.0 481 "},
	{"peer not trusted", "peer-domain", "alice < 403 --"},
	{"mailbox full", "bad-busy", "alice < 503 --"},
	{"unknown or unoffered service", "bad-service", "<operation>serviceNotSupported<"},
	{"member missing or malformed", "bad-parameter", "<operation>invalidParameterValue<"},
	{"unknown device", "bad-unknown", "<operation>invalidDeviceID<"},
	{"unknown call", "bad-unknown", "<operation>invalidCallID<"},
	{"unknown connection", "bad-state", "<operation>invalidConnectionID<"},
	{"unknown monitor", "bad-monitor", "<operation>invalidMonitorCrossRefID<"},
	{"no right", "bad-right", "<operation>privilegeViolationSpecifiedDevice<"},
	{"wrong state", "bad-state", "<stateIncompatibility>noActiveCall<"},
	{"too many monitors", "bad-limit", "<subscribedResourceAvailability>objectMonitorLimitExceeded<"},
	{"phone not registered", "bad-unregistered", "<systemResourceAvailibility>deviceOutOfService<"},
	{"PBX link down", "pbx-link", "<systemResourceAvailibility>resourceOutOfService<"},
	{"no confirmation in time", "bad-late", "<systemResourceAvailibility>internalResourceBusy<"},
	{"a fault of ours", "bad-fault", "<unspecified/>"},
}

// Every row of the error table has a conversation, which TestConversations plays.
func TestErrorRowsHaveConversations(t *testing.T) {
	for _, r := range rows {
		text, err := os.ReadFile("../testdata/flows/" + r.file + ".txt")
		if err != nil {
			t.Errorf("%s: %v", r.row, err)
		} else if !strings.Contains(string(text), r.answer) {
			t.Errorf("%s: %s has no %s", r.row, r.file, r.answer)
		}
	}
}
