package freeswitch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/freeswitch/fake"
)

// unproven are what is said of each service when the PBX says that it has been done, and nothing proves it; where it is not the same in both styles,
// the parked one's is behind the bar.
var unproven = map[csta.Service]string{
	"MakeCall":                   "for CHANNEL_CREATE of the caller's own leg",
	"AnswerCall":                 "for CHANNEL_ANSWER of ",
	"ClearConnection":            "for CHANNEL_HANGUP",
	"ClearCall":                  "for CHANNEL_HANGUP",
	"HoldCall":                   "for CHANNEL_HOLD of | for CHANNEL_UNBRIDGE of ",
	"RetrieveCall":               "for CHANNEL_UNHOLD of | for CHANNEL_BRIDGE of ",
	"AlternateCall":              "for CHANNEL_HOLD of | for CHANNEL_UNBRIDGE of ",
	"ConsultationCall":           "for CHANNEL_HOLD of | for CHANNEL_UNBRIDGE of ",
	"ReconnectCall":              "for CHANNEL_HANGUP| for CHANNEL_BRIDGE of ",
	"TransferCall":               "for CHANNEL_BRIDGE of ",
	"SingleStepTransferCall":     "for the own leg's CHANNEL_HANGUP",
	"ConferenceCall":             "for two add-member of the room ",
	"SingleStepConferenceCall":   "for two add-member of the room ",
	"DeflectCall":                "for the ringing leg's CHANNEL_HANGUP",
	"DirectedPickupCall":         "for the phone to answer by itself, and CHANNEL_BRIDGE with ",
	"GroupPickupCall":            "for the phone to answer by itself, and CHANNEL_BRIDGE with ",
	"ParkCall":                   "for the own leg's CHANNEL_HANGUP",
	"GenerateDigits":             "the PBX said +OK",
	"SetForwarding":              "after it was told",
	"SetDoNotDisturb":            "after it was told",
	"SetMessageWaitingIndicator": "for the event MESSAGE_WAITING",
	// They ask nothing of the PBX that could be proven.
	"GetForwarding": "", "GetDoNotDisturb": "", "GetMessageWaitingIndicator": "", "SnapshotDevice": "", "SnapshotCall": "", "GetLogicalDeviceInformation": "",
}

// The PBX's "+OK" proves nothing: what is not proven in time is an error that says what was waited for, and nothing is told that hasn't happened.
func TestUnproven(t *testing.T) {
	for style, parked := range map[string]bool{"notify": false, "parked": true} {
		for _, service := range must {
			want, there := unproven[service]
			if !there {
				t.Errorf("%s is not in the table", service)
			}
			if list := strings.Split(want, "|"); parked {
				want = list[len(list)-1]
			} else {
				want = list[0]
			}
			if want == "" {
				continue
			}
			t.Run(style+"/"+string(service), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { isUnproven(t, service, parked, want) })
			})
		}
	}
}

func isUnproven(t *testing.T, service csta.Service, parked bool, want string) {
	t.Helper()
	s := stage(t, "Anna", parked)
	defer func() { _ = s.stop() }()
	list := asked(s)
	if service == "RetrieveCall" {
		s.do(csta.HoldCall{CallToBeHeld: s.conn("202", csta.Connected)})
	}
	for _, r := range list {
		if r.Service() != service {
			continue
		}
		s.mu.Lock()
		before := len(s.told)
		s.mu.Unlock()
		s.f.Set(func(m *fake.Mood) { m.Idle = true })
		began := time.Now()
		_, err := s.a.Services()[service](context.Background(), r)
		took := time.Since(began)
		s.f.Set(func(m *fake.Mood) { m.Idle = false })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
		var e *csta.Error
		if !errors.As(err, &e) {
			t.Errorf("%v has no meaning", err)
		}
		if strings.HasPrefix(want, "for ") || strings.HasPrefix(want, " for ") {
			if !errors.Is(err, csta.ErrInternalResourceBusy) || took < s.a.time.step || took > 10*s.a.time.step {
				t.Errorf("%v after %v", err, took)
			}
		}
		time.Sleep(10 * time.Second)
		s.mu.Lock()
		if told := s.told[before:]; len(told) > 0 {
			t.Errorf("it is told\n%s", strings.Join(lines(describe(told)), "\n"))
		}
		s.mu.Unlock()
	}
}
