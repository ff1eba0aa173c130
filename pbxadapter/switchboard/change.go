package switchboard

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// works is an adapter and what it can carry out.
type works struct {
	adapter  pbxadapter.Adapter
	services csta.Services
	codes    Codes
}

func (b *Board) newLink(x PBX) *link {
	l := &link{board: b, name: x.Name, model: callmodel.New(), log: b.log.With(zap.String("pbx", x.Name))}
	l.works.Store(&works{x.Adapter, x.Adapter.Services(), x.Codes})
	b.meters.begin(x.Name)
	b.recall(l)
	return l
}

// start lets a link run as long as the board does, or until it's stopped. The board is being changed.
func (b *Board) start(l *link) {
	ctx, stop := context.WithCancel(b.ctx)
	ended := make(chan struct{})
	l.mu.Lock()
	l.stop, l.ended = stop, ended
	l.mu.Unlock()
	b.running.Go(func() {
		defer close(ended)
		defer stop()
		l.run(ctx)
	})
}

// Change replaces the PBXs while the board runs. A PBX that isn't named any more ends: its devices go out of service, and nobody has them any more. A new
// one begins. One whose adapter is another is connected anew by that one, and its calls go on under their names: what differs is told. One whose adapter
// is the same notices nothing. It returns when those that end have ended. It panics if two PBXs have one name.
func (b *Board) Change(pbxs ...PBX) {
	b.changing.Lock()
	defer b.changing.Unlock()
	named := make(map[string]PBX, len(pbxs))
	for _, x := range pbxs {
		if named[x.Name].Adapter != nil {
			panic("switchboard: two PBXs are named " + x.Name)
		}
		named[x.Name] = x
	}
	var stay, gone []*link
	for _, l := range b.all() {
		x := named[l.name]
		if x.Adapter == nil {
			gone = append(gone, l)
			continue
		}
		stay = append(stay, l)
		if a := x.Adapter; a != l.works.Load().adapter {
			l.works.Store(&works{a, a.Services(), x.Codes})
			l.mu.Lock()
			if l.again != nil {
				l.again()
			}
			l.mu.Unlock()
		}
	}
	for _, l := range gone {
		l.leave()
	}
	var begun []*link
	for _, x := range pbxs {
		if !slices.ContainsFunc(stay, func(l *link) bool { return l.name == x.Name }) {
			begun = append(begun, b.newLink(x))
		}
	}
	stay = append(stay, begun...)
	b.links.Store(&stay) // before they run: what they tell is told of links that are known
	b.rebuild()
	b.tellDevices()
	if b.ctx == nil {
		return
	}
	for _, l := range begun {
		b.start(l)
	}
}

// leave ends a link for good. Its calls end for those who follow them here, whatever they do at their PBX, and its devices go out of service.
func (l *link) leave() {
	l.mu.Lock()
	stop, ended := l.stop, l.ended
	l.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
	devices := l.devices.Load()
	if devices == nil {
		return
	}
	out := make(map[csta.DeviceID]csta.EventCause, len(*devices))
	for _, d := range *devices {
		out[d.ID] = csta.CauseNetworkOutOfOrder
	}
	l.mu.Lock()
	w := l.board.journal.append(l.name, l.model.Resync(callmodel.State{Out: out}, time.Now()), l.board.ops.of)
	l.mu.Unlock()
	w.call()
	l.log.Info("PBX removed", zap.Int("devices", len(out)))
}
