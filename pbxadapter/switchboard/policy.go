package switchboard

import "farhook/csta"

// AnyLine lets anybody do anything: for demonstrations, on loopback only.
type AnyLine struct{}

// May says yes.
func (AnyLine) May(Principal, csta.Right, csta.DeviceID) bool { return true }

// Changed never happens.
func (AnyLine) Changed() <-chan struct{} { return nil }

// OwnLine gives a session its own line, and the right to ring and to pick up from others. Who comes without a line, by the web on
// loopback, is the operator: everything.
type OwnLine struct{}

// May follows the rule.
func (OwnLine) May(who Principal, right csta.Right, d csta.DeviceID) bool {
	if who.Via == "http" && who.Line == "" {
		return true
	}
	switch right {
	case csta.Call, csta.Pickup:
		return who.Line != ""
	case csta.Observe, csta.Control:
		return who.Line != "" && d == who.Line
	}
	return false
}

// Changed never happens.
func (OwnLine) Changed() <-chan struct{} { return nil }

// System is the gateway itself: it may look at everything, whatever the policy, and do nothing.
var System = Principal{User: "farhook", Via: "system"}

// andSystem is a policy with System in it.
type andSystem struct{ Policy }

func (p andSystem) May(who Principal, right csta.Right, d csta.DeviceID) bool {
	if who == System {
		return right == csta.Observe
	}
	return p.Policy.May(who, right, d)
}

// May says whether who has a right on a device.
func (b *Board) May(who Principal, right csta.Right, d csta.DeviceID) bool {
	return b.policy.May(who, right, d)
}
