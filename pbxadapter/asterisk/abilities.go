package asterisk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"farhook/pbxadapter/asterisk/ami"
)

// readAbilities reads what the account may do, and which of our lines the dialplan has: both can change while we are connected, by a reload of
// which no event tells. What is missing is named by the log when it is new. It says whether anything is.
func (a *Adapter) readAbilities(ctx context.Context, conn *ami.Conn) (bool, error) {
	list, err := conn.Do(ctx, ami.NewAction("ListCommands"))
	if err != nil {
		return false, err
	}
	rights := map[string]bool{}
	for line := range strings.SplitSeq(list.String(), "\n") {
		if name, _, ok := strings.Cut(line, ": "); ok {
			rights[name] = true
		}
	}
	lines := map[string]bool{}
	for _, exten := range []string{joinExten, holdExten, parkExten, conferenceExten + "1.1"} {
		is, err := a.extensionExists(ctx, conn, a.conf.Context, exten)
		if err != nil && !isRefused(err) {
			return false, err
		}
		lines[strings.TrimSuffix(exten, "1.1")] = is
	}
	a.mu.Lock()
	fresh := !maps.Equal(rights, a.rights) || !maps.Equal(lines, a.lines)
	a.rights, a.lines = rights, lines
	a.mu.Unlock()
	if fresh {
		a.complain(rights, lines)
	}
	return fresh, nil
}

// complain names what the account may not do, and what the dialplan lacks.
func (a *Adapter) complain(rights, lines map[string]bool) {
	var actions, missing []string
	for _, r := range requirements {
		for _, name := range r.actions {
			if !rights[name] && !slices.Contains(actions, name) {
				actions = append(actions, name)
			}
		}
	}
	for _, r := range requirements {
		if len(r.any) > 0 && !slices.ContainsFunc(r.any, func(name string) bool { return rights[name] }) {
			actions = append(actions, strings.Join(r.any, " or "))
		}
	}
	for _, exten := range slices.Sorted(maps.Keys(lines)) {
		if !lines[exten] {
			missing = append(missing, lineName(exten))
		}
	}
	if len(actions) > 0 {
		a.log.Warn("the account in manager.conf may not do, or no module offers: services that need it are not offered",
			zap.Strings("actions", actions))
	}
	if len(missing) > 0 {
		a.log.Warn("the dialplan lacks lines of ours: services that need them are not offered until they are there (docs/asterisk.md)",
			zap.String("context", a.conf.Context), zap.Strings("lines", missing))
	}
}

// lineName is one of our extensions as the dialplan has it.
func lineName(exten string) string {
	if exten == conferenceExten {
		return "_55X."
	}
	return exten
}

// relearn takes over abilities that have changed, and tells the devices what they lack now. Where the account may do other things than before, or
// there are other modules, everything is read anew: phones, car parks and calls may be read that couldn't be.
func (a *Adapter) relearn(ctx context.Context, conn *ami.Conn) error {
	a.mu.Lock()
	before := a.rights
	a.mu.Unlock()
	fresh, err := a.readAbilities(ctx, conn)
	if err != nil || !fresh {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tellDevices()
	if !maps.Equal(a.rights, before) {
		select {
		case a.anew <- struct{}{}:
		default:
		}
	}
	return nil
}

// extensionExists asks the dialplan.
func (a *Adapter) extensionExists(ctx context.Context, conn *ami.Conn, dialplan, exten string) (bool, error) {
	if err := ami.Word.Check(dialplan); err != nil {
		return false, err
	}
	if err := ami.Number.Check(exten); err != nil {
		return false, err
	}
	r, err := conn.Do(ctx, ami.NewAction("Getvar").Fixed("Variable", fmt.Sprintf("DIALPLAN_EXISTS(%s,%s,1)", dialplan, exten)))
	return r.Get("Value") == "1", err
}

func isRefused(err error) bool {
	var no *ami.Refused
	return errors.As(err, &no)
}

// may says whether the account may do an action.
func (a *Adapter) may(action string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rights[action]
}
