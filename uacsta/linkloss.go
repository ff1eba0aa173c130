package uacsta

import (
	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// LinkLoss says what the sessions of a peer are told when the link to the PBX of their line is lost, beside the OutOfServiceEvent that every monitor
// gets. The zero value is right for the clients we know: one takes any status but normal as final, and forgets a BYE of ours.
type LinkLoss uint8

// The ways. A session without a monitor on its line hears nothing of the link, and gets neither.
const (
	EventOnly  LinkLoss = iota // nothing else
	TellStatus                 // SystemStatus by INFO: disabled, and normal when the link is back
	EndSession                 // BYE
)

// linkChanged does what the session's peer wants where the entry tells the loss or return of its line's PBX link. false: the session has ended.
func (x *session) linkChanged(e switchboard.Entry) bool {
	status := csta.SystemStatusValue("")
	switch event := e.Event.(type) {
	case csta.OutOfServiceEvent:
		if event.Device.DeviceIdentifier == x.who.Line && event.Cause == csta.CauseNetworkOutOfOrder {
			status = csta.StatusDisabled
		}
	case csta.BackInServiceEvent:
		if event.Device.DeviceIdentifier == x.who.Line && x.disabled {
			status = csta.StatusNormal
		}
	}
	if status == "" {
		return true
	}
	p := x.server.trust.named(x.who.Peer)
	if p == nil {
		return true
	}
	switch p.OnLinkLoss {
	case EventOnly:
	case TellStatus:
		if down := status == csta.StatusDisabled; down != x.disabled {
			x.disabled = down
			x.send("", nil, e.Trace, csta.Encode(nil, csta.SystemStatus{SystemStatus: status}, x.edition))
		}
	case EndSession:
		if status == csta.StatusDisabled {
			x.end("the PBX link was lost", true)
			return false
		}
	}
	return true
}

// whileDown is the status by which a peer wants an INVITE refused while the PBX link of the line is down; 0: it's accepted all the same.
func (s *Server) whileDown(c *conn, who switchboard.Principal) int {
	p := s.trust.named(c.name())
	if p == nil || p.WhileDown == 0 {
		return 0
	}
	if d, ok := s.board.Device(who, who.Line); ok && d.LinkUp {
		return 0
	}
	return p.WhileDown
}
