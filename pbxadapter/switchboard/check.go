package switchboard

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Check has the PBX of device d compare d's calls with what was told of them, now, for one who may observe d. What differs has been told when it returns;
// repaired is the number of connections that did. Errors are *csta.Error.
func (b *Board) Check(ctx context.Context, who Principal, d csta.DeviceID) (repaired int, err error) {
	dev := b.index.Load().byID[d]
	if dev == nil || !b.policy.May(who, csta.Observe, d) {
		return 0, csta.ErrInvalidDeviceID.With(fmt.Errorf("no device %q", d))
	}
	auditor, ok := dev.link.works.Load().adapter.(pbxadapter.Auditor)
	if !ok {
		return 0, csta.ErrServiceNotSupported.With(fmt.Errorf("the PBX %s can't be asked about one device", dev.link.name))
	}
	if !dev.link.up.Load() {
		return 0, csta.ErrResourceOutOfService.With(fmt.Errorf("the link to the PBX %s is down", dev.link.name))
	}
	if pbxadapter.Trace(ctx).IsZero() {
		ctx = pbxadapter.WithTrace(ctx, pbxadapter.NewTrace())
	}
	ctx, cancel := context.WithTimeout(ctx, proof)
	defer cancel()
	repaired, err = askAuditor(ctx, auditor, d)
	b.log.Info("line checked", zap.String("device", string(d)), zap.String("user", who.User), zap.String("pbx", dev.link.name), zap.Int("repaired", repaired),
		pbxadapter.TraceField(ctx), zap.Error(err))
	switch {
	case err == nil:
		return repaired, nil
	case errors.Is(err, context.DeadlineExceeded):
		return repaired, csta.ErrInternalResourceBusy.With(fmt.Errorf("the PBX %s has not answered within %v", dev.link.name, proof))
	}
	return repaired, asAnswer(err)
}

// askAuditor turns a panic of an adapter into an error.
func askAuditor(ctx context.Context, a pbxadapter.Auditor, d csta.DeviceID) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("switchboard: the audit panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return a.Audit(ctx, d)
}
