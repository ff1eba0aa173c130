package web

import (
	"context"
	"fmt"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/audit"
)

// through is the number by which a phone calls a line through its do not disturb, for who has the right to.
func (s *Server) through(ctx context.Context, calling, spelling csta.DeviceID) (csta.DeviceID, error) {
	called, err := s.board.Dialled(string(spelling))
	if err != nil {
		return "", refused(ctx, err)
	}
	if !s.board.May(who(ctx), csta.Override, called) {
		e := csta.ErrPrivilegeCalled.With(fmt.Errorf("throughDoNotDisturb: this takes the scope override on %s", called))
		s.audit(ctx, audit.Entry{
			Act: audit.Refused, Line: string(calling), Number: string(called), Service: "MakeCall", Result: csta.ErrPrivilegeCalled.Category + "/" + csta.ErrPrivilegeCalled.Value,
			Detail: "through the do not disturb",
		})
		return "", refused(ctx, e)
	}
	number, err := s.board.Through(calling, called)
	if err != nil {
		return "", refused(ctx, err)
	}
	return number, nil
}
