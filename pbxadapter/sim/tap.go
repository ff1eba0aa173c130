package sim

import (
	"context"
	"fmt"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// A PBX in memory has no wire. For the wiretap it says what a wire would carry, in a language of its own: a request with its devices, what came of
// it, and each fact.

// tapped lets the wiretap have every request and answer of a table.
func (p *PBX) tapped(s csta.Services) csta.Services {
	if p.tap == nil {
		return s
	}
	for name, h := range s {
		s[name] = func(ctx context.Context, r csta.Request) (csta.Response, error) {
			m := pbxadapter.Message{Out: true, Op: pbxadapter.Op(ctx)}
			said := []string{string(name)}
			for _, n := range r.Needs() {
				said = append(said, fmt.Sprint(n.Device))
				if m.Line == "" {
					m.Line = n.Device
				}
			}
			m.Text = []byte(strings.Join(said, " "))
			p.tap.Record(m)
			res, err := h(ctx, r)
			m.Out, m.Text = false, fmt.Appendf(nil, "%s: done", name)
			if err != nil {
				m.Text = fmt.Appendf(nil, "%s: %v", name, err)
			}
			p.tap.Record(m)
			return res, err
		}
	}
	return s
}

// tapFact lets the wiretap have a fact.
func (p *PBX) tapFact(f callmodel.Fact) {
	if p.tap == nil {
		return
	}
	var m pbxadapter.Message
	about := func(meta callmodel.Meta, c csta.ConnectionID, calls ...csta.CallID) {
		m.Op, m.Line, m.Calls = meta.Op, c.Device, calls
	}
	switch f := f.(type) {
	case callmodel.Moved:
		about(f.Meta, f.Connection, f.Connection.Call)
		m.Text = fmt.Appendf(nil, "moved %s in %s: %s %s", f.Connection.Device, f.Connection.Call, f.To, f.Cause)
	case callmodel.Redirected:
		about(f.Meta, f.Connection, f.Connection.Call)
		m.Text = fmt.Appendf(nil, "redirected %s in %s to %s %s", f.Connection.Device, f.Connection.Call, f.NewDestination.Device, f.Cause)
	case callmodel.Rearranged:
		about(f.Meta, csta.ConnectionID{Device: f.By}, f.Primary, f.Secondary, f.Result)
		m.Text = fmt.Appendf(nil, "rearranged %s %s into %s by %s", f.Primary, f.Secondary, f.Result, f.By)
	case callmodel.FeatureSet:
		about(f.Meta, csta.ConnectionID{Device: f.Device})
		m.Text = fmt.Appendf(nil, "feature of %s: %+v", f.Device, f.Feature)
	case callmodel.Service:
		about(f.Meta, csta.ConnectionID{Device: f.Device})
		m.Text = fmt.Appendf(nil, "service of %s: %t %s", f.Device, f.In, f.Cause)
	case callmodel.Noted:
		about(f.Meta, f.Connection, f.Connection.Call)
		m.Text = fmt.Appendf(nil, "noted at %s in %s: %s", f.Connection.Device, f.Connection.Call, f.What.Element()) // what it says may be a PIN
	}
	p.tap.Record(m)
}
