package switchboard

import "farhook/csta"

// AnyLine lets anybody do anything: for demonstrations, on loopback only.
type AnyLine struct{}

// May says yes.
func (AnyLine) May(Principal, csta.Right, csta.DeviceID) bool { return true }

// Changed never happens.
func (AnyLine) Changed() <-chan struct{} { return nil }

// Trusted lets any user whom a trusted peer has sent use any line, but not disturb it where it doesn't want to be.
type Trusted struct{}

// May follows the rule.
func (Trusted) May(who Principal, right csta.Right, _ csta.DeviceID) bool {
	return who.Via == "sip" && who.User != "" && right != csta.Override
}

// Changed never happens.
func (Trusted) Changed() <-chan struct{} { return nil }

// OwnLine gives a session the line that it signed in to, whoever its user is, and the right to ring and to pick up from others. Who comes without a line, by
// the web on loopback, is the operator: everything.
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
	case csta.Override:
	}
	return false
}

// Changed never happens.
func (OwnLine) Changed() <-chan struct{} { return nil }

// Owner gives a user the lines that the directory says are his, and the right to ring and to pick up from others; with Delegates also the lines of those who have
// made him their delegate.
type Owner struct {
	People    *People // the board's
	Delegates bool
}

// May follows the rule.
func (o Owner) May(who Principal, right csta.Right, d csta.DeviceID) bool {
	switch right {
	case csta.Call, csta.Pickup:
		return who.User != "" && o.People.has(who.User)
	case csta.Override: // is for those to whom the web's grants give it
	case csta.Observe, csta.Control:
		return who.User != "" && (o.People.Owns(who.User, d) || o.Delegates && o.People.ActsFor(who.User, d))
	}
	return false
}

// Changed is closed when the directory has other owners or delegates.
func (o Owner) Changed() <-chan struct{} { return o.People.Changed() }

// System is the gateway itself: it may look at everything, whatever the policy, and do nothing.
var System = Principal{User: "farhook", Via: "system"}

// Gateway is the gateway's own history, which follows everything.
var Gateway = Principal{User: gatewayUser, Via: "http"}

const gatewayUser = "gateway"

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
